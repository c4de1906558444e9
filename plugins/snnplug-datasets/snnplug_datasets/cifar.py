"""CIFAR-10 and CIFAR-100: 50,000 + 10,000 colour images of 32 x 32 pixels, read by torchvision.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. Mean and standard
deviation are those of the training pixels, as the SNN literature uses them (Na et al., AutoSNN,
ICML 2022). Augmentation is its usual one: a random crop after padding by 4, and a random flip.
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Interval
from torch import Tensor

from snnplug import Splits, Task, check_ranges
from snnplug.nn import Augment
from snnplug_datasets.augmentations import augmentation
from snnplug_datasets.stored import divide, read

__all__ = ["cifar10", "cifar100"]


@check_ranges
def cifar10(
    *,
    root: str | None = None,
    download: bool = False,
    train_samples: Annotated[int, Ge(0)] | None = None,
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    val_samples: Annotated[int, Ge(0)] | None = None,
    test_samples: Annotated[int, Ge(0)] | None = None,
    split_seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0,
    augment: Augment = True,
) -> Splits:
    """Return CIFAR-10, values in [0, 1], input shape (3, 32, 32).

    Args:
        root: folder that holds `cifar-10-batches-py`; None for `SNNPLUG_DATA` or `~/.cache/snnplug`.
        download: fetch it if it is not there.
        train_samples: training images, every class with its share; None for all.
        val_fraction: share of the 50,000 for validation; 0 for none.
        val_samples: the same as a number; goes before the fraction.
        test_samples: test images; None for all.
        split_seed: seed of the stratified division.
        augment: true to crop and flip training images at random, or a list of names of
            augmentations; see `snnplug_datasets.augmentations`.

    Raises:
        DataError: the files are missing or corrupt.
        ValueError: there are not so many images, or an augmentation is unknown.
    """
    from torchvision.datasets import CIFAR10

    train, test = read("cifar10", CIFAR10, CIFAR10.base_folder, root, download)
    task = Task(
        input_shape=(3, 32, 32),
        classes=10,
        mean=(0.49139968, 0.48215827, 0.44653124),
        std=(0.24703233, 0.24348505, 0.26158768),
    )
    return divide(
        _tensors(train),
        _tensors(test),
        task,
        tuple(train.classes),
        train_samples=train_samples,
        val_fraction=val_fraction,
        val_samples=val_samples,
        test_samples=test_samples,
        split_seed=split_seed,
        augment=augmentation(augment, task, ["crop_flip"]),
    )


@check_ranges
def cifar100(
    *,
    root: str | None = None,
    download: bool = False,
    train_samples: Annotated[int, Ge(0)] | None = None,
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    val_samples: Annotated[int, Ge(0)] | None = None,
    test_samples: Annotated[int, Ge(0)] | None = None,
    split_seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0,
    augment: Augment = True,
) -> Splits:
    """Return CIFAR-100 with its 100 fine labels, values in [0, 1], input shape (3, 32, 32).

    Args:
        root: folder that holds `cifar-100-python`; None for `SNNPLUG_DATA` or `~/.cache/snnplug`.
        download: fetch it if it is not there.
        train_samples: training images, every class with its share; None for all.
        val_fraction: share of the 50,000 for validation; 0 for none.
        val_samples: the same as a number; goes before the fraction.
        test_samples: test images; None for all.
        split_seed: seed of the stratified division.
        augment: true to crop and flip training images at random, or a list of names of
            augmentations; see `snnplug_datasets.augmentations`.

    Raises:
        DataError: the files are missing or corrupt.
        ValueError: there are not so many images, or an augmentation is unknown.
    """
    from torchvision.datasets import CIFAR100

    train, test = read("cifar100", CIFAR100, CIFAR100.base_folder, root, download)
    task = Task(
        input_shape=(3, 32, 32),
        classes=100,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
    )
    return divide(
        _tensors(train),
        _tensors(test),
        task,
        tuple(train.classes),
        train_samples=train_samples,
        val_fraction=val_fraction,
        val_samples=val_samples,
        test_samples=test_samples,
        split_seed=split_seed,
        augment=augmentation(augment, task, ["crop_flip"]),
    )


def _tensors(part: Any) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(part.targets)
