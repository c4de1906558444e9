"""What snnplug-datasets offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import DatasetSpec, hookimpl


@hookimpl
def snnplug_datasets() -> Iterable[DatasetSpec]:
    """Return the datasets."""
    yield DatasetSpec(
        name="digits",
        target="snnplug_datasets.digits:digits",
        summary="1,797 handwritten digits of 8 x 8 pixels, embedded in scikit-learn.",
        reference="Alpaydin & Kaynak, UCI Machine Learning Repository 1998, doi:10.24432/C50P49",
        embedded=True,
    )
    yield DatasetSpec(
        name="ordered_digits",
        target="snnplug_datasets.event_digits:ordered_digits",
        summary="Events of digits that move in one order or the other: told by time alone.",
        reference="Rebecq et al., CoRL 2018 (ESIM); Hu et al., CVPRW 2021, arXiv:2006.07722 (v2e)",
        components={"base": "dataset"},
        embedded=True,
    )
    yield DatasetSpec(
        name="moving_digits",
        target="snnplug_datasets.event_digits:moving_digits",
        summary="Events of digits in three saccades, as N-MNIST was recorded: needs no time.",
        reference="Orchard et al., Frontiers in Neuroscience 2015, doi:10.3389/fnins.2015.00437",
        components={"base": "dataset"},
        embedded=True,
    )
    yield DatasetSpec(
        name="mnist",
        target="snnplug_datasets.mnist:mnist",
        summary="70,000 handwritten digits of 28 x 28 pixels.",
        reference="LeCun et al., Proc. IEEE 86(11) 1998, doi:10.1109/5.726791",
    )
    yield DatasetSpec(
        name="fashion_mnist",
        target="snnplug_datasets.mnist:fashion_mnist",
        summary="70,000 pieces of clothing of 28 x 28 pixels.",
        reference="Xiao et al. 2017, arXiv:1708.07747",
    )
    yield DatasetSpec(
        name="cifar10",
        target="snnplug_datasets.cifar:cifar10",
        summary="60,000 colour images of 32 x 32 pixels in 10 classes.",
        reference="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    )
    yield DatasetSpec(
        name="cifar100",
        target="snnplug_datasets.cifar:cifar100",
        summary="60,000 colour images of 32 x 32 pixels in 100 classes.",
        reference="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    )
    yield DatasetSpec(
        name="svhn",
        target="snnplug_datasets.svhn:svhn",
        summary="Digits of house numbers: 99,289 colour images of 32 x 32 pixels, and 531,131 easier ones.",
        reference="Netzer et al., NIPS Workshop on Deep Learning and Unsupervised Feature Learning 2011",
    )
    yield DatasetSpec(
        name="image_folder",
        target="snnplug_datasets.folder:image_folder",
        summary="Images of your own in a folder for each class, or Tiny ImageNet as it is unpacked.",
    )
