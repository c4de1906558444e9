"""MNIST and FashionMNIST: 60,000 + 10,000 grey images of 28 x 28 pixels, read by torchvision.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Proc. IEEE 86(11), 1998; H. Xiao, K. Rasul and
R. Vollgraf, arXiv:1708.07747. Mean and standard deviation are those of the training pixels.
"""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Interval
from torch import Tensor

from snnplug import Splits, Task, check_ranges
from snnplug.nn import Augment
from snnplug_datasets.augmentations import augmentation
from snnplug_datasets.stored import divide, read

__all__ = ["fashion_mnist", "mnist"]


@check_ranges
def mnist(
    *,
    root: str | None = None,
    download: bool = False,
    train_samples: Annotated[int, Ge(0)] | None = None,
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    val_samples: Annotated[int, Ge(0)] | None = None,
    test_samples: Annotated[int, Ge(0)] | None = None,
    split_seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0,
    augment: Augment = False,
) -> Splits:
    """Return MNIST, values in [0, 1], input shape (1, 28, 28).

    Args:
        root: folder that holds `MNIST/raw`; None for `SNNPLUG_DATA` or `~/.cache/snnplug`.
        download: fetch it if it is not there.
        train_samples: training images, every class with its share; None for all.
        val_fraction: share of the 60,000 for validation; 0 for none.
        val_samples: the same as a number; goes before the fraction.
        test_samples: test images; None for all.
        split_seed: seed of the stratified division.
        augment: true to crop training images at random, or a list of names of augmentations; see
            `snnplug_datasets.augmentations`.

    Raises:
        DataError: the files are missing or corrupt.
        ValueError: there are not so many images, or an augmentation is unknown.
    """
    from torchvision.datasets import MNIST

    train, test = read("mnist", MNIST, "MNIST", root, download)
    task = Task(input_shape=(1, 28, 28), classes=10, mean=(0.1307,), std=(0.3081,))
    return divide(
        _tensors(train),
        _tensors(test),
        task,
        tuple(map(str, range(10))),
        train_samples=train_samples,
        val_fraction=val_fraction,
        val_samples=val_samples,
        test_samples=test_samples,
        split_seed=split_seed,
        augment=augmentation(augment, task, ["crop"]),
    )


@check_ranges
def fashion_mnist(
    *,
    root: str | None = None,
    download: bool = False,
    train_samples: Annotated[int, Ge(0)] | None = None,
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    val_samples: Annotated[int, Ge(0)] | None = None,
    test_samples: Annotated[int, Ge(0)] | None = None,
    split_seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0,
    augment: Augment = False,
) -> Splits:
    """Return FashionMNIST, values in [0, 1], input shape (1, 28, 28).

    Args:
        root: folder that holds `FashionMNIST/raw`; None for `SNNPLUG_DATA` or `~/.cache/snnplug`.
        download: fetch it if it is not there.
        train_samples: training images, every class with its share; None for all.
        val_fraction: share of the 60,000 for validation; 0 for none.
        val_samples: the same as a number; goes before the fraction.
        test_samples: test images; None for all.
        split_seed: seed of the stratified division.
        augment: true to crop training images at random, or a list of names of augmentations; see
            `snnplug_datasets.augmentations`.

    Raises:
        DataError: the files are missing or corrupt.
        ValueError: there are not so many images, or an augmentation is unknown.
    """
    from torchvision.datasets import FashionMNIST

    train, test = read("fashion_mnist", FashionMNIST, "FashionMNIST", root, download)
    task = Task(input_shape=(1, 28, 28), classes=10, mean=(0.2860,), std=(0.3530,))
    return divide(
        _tensors(train),
        _tensors(test),
        task,
        tuple(FashionMNIST.classes),
        train_samples=train_samples,
        val_fraction=val_fraction,
        val_samples=val_samples,
        test_samples=test_samples,
        split_seed=split_seed,
        augment=augmentation(augment, task, ["crop"]),
    )


def _tensors(part: Any) -> tuple[Tensor, Tensor]:
    return part.data.unsqueeze(1), part.targets
