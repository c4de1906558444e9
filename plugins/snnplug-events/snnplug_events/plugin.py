"""What snnplug-events offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import DatasetSpec, hookimpl


@hookimpl
def snnplug_datasets() -> Iterable[DatasetSpec]:
    """Return the datasets."""
    yield DatasetSpec(
        name="nmnist",
        target="snnplug_events.nmnist:nmnist",
        summary="70,000 digits of MNIST before a sensor of 34 x 34 pixels that makes three saccades.",
        reference="Orchard et al., Frontiers in Neuroscience 9:437, 2015, doi:10.3389/fnins.2015.00437",
    )
    yield DatasetSpec(
        name="cifar10dvs",
        target="snnplug_events.cifar10dvs:cifar10dvs",
        summary="10,000 images of CIFAR-10 that move on a screen before a sensor of 128 x 128 pixels.",
        reference="Li et al., Frontiers in Neuroscience 11:309, 2017, doi:10.3389/fnins.2017.00309",
    )
    yield DatasetSpec(
        name="dvs128gesture",
        target="snnplug_events.dvs128gesture:dvs128gesture",
        summary="1,341 gestures of hand and arm in 11 classes, seen by a sensor of 128 x 128 pixels.",
        reference="Amir et al., CVPR 2017, doi:10.1109/CVPR.2017.781",
    )
    yield DatasetSpec(
        name="ncaltech101",
        target="snnplug_events.ncaltech101:ncaltech101",
        summary="8,709 images of Caltech101 on a screen before a sensor of up to 180 x 240 pixels.",
        reference="Orchard et al., Frontiers in Neuroscience 9:437, 2015, doi:10.3389/fnins.2015.00437",
    )
    yield DatasetSpec(
        name="shd",
        target="snnplug_events.shd:shd",
        summary="10,420 spoken digits, English and German, as spikes of 700 channels of an artificial ear.",
        reference="Cramer et al., IEEE TNNLS 33(7) 2022, arXiv:1910.07407",
    )
