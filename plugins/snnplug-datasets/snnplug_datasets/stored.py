"""Datasets that torchvision reads from files: found, read once into one tensor, divided."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from snnplug import Splits, Task
from snnplug.errors import DataError
from snnplug.nn import Augmentation, ImageSplit, data_root
from snnplug_datasets.augmentations import UNCHANGED
from snnplug_datasets.splitting import choose, hold_out

__all__ = ["divide", "read", "read_part"]


def read(
    name: str, dataset: Callable[..., Any], folder: str, root: str | None, download: bool
) -> tuple[Any, Any]:
    """Return the training and the test set.

    Args:
        name: what the user calls it.
        dataset: torchvision's class.
        folder: where torchvision keeps it under the root.
        root: folder of stored datasets, or None.
        download: fetch it if it is not there.

    Raises:
        DataError: it is missing, unreadable, or cannot be downloaded.
    """
    train, test = (
        read_part(name, partial(dataset, train=train), folder, root, download) for train in (True, False)
    )
    return train, test


def read_part(name: str, dataset: Callable[..., Any], file: str, root: str | None, download: bool) -> Any:
    """Return one part of a dataset.

    Args:
        name: what the user calls it.
        dataset: torchvision's class for that part.
        file: the file or folder under the root in which torchvision keeps it.
        root: folder of stored datasets, or None.
        download: fetch it if it is not there.

    Raises:
        DataError: it is missing, unreadable, or cannot be downloaded.
    """
    place = data_root(root)
    path = place / file
    advice = 'set root = "..." to the folder that holds it, or download = true to fetch it'
    there = os.path.isdir(path) or os.path.isfile(path)  # neither where nobody may look
    if not download and not there:
        raise DataError(f"{name} is not at {path}; {advice}")
    try:
        return dataset(place, download=download)
    except Exception as error:  # torchvision raises whatever its parsers run into
        reason = " ".join(str(error).split()) or type(error).__name__
        if download:
            raise DataError(f"{name} cannot be downloaded to {path}, or not read there: {reason}") from error
        raise DataError(
            f"{name} at {path} is incomplete or corrupt ({reason}); remove the broken files and {advice}"
        ) from error


def divide(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    task: Task,
    class_names: tuple[str, ...],
    *,
    train_samples: int | None,
    val_fraction: float,
    val_samples: int | None,
    test_samples: int | None,
    split_seed: int,
    augment: Augmentation = UNCHANGED,
) -> Splits:
    """Divide the official training set in two and shorten the parts, class shares kept.

    Args:
        train, test: images `[N, C, H, W]` and labels `[N]` of the official parts.
        task: facts of the dataset.
        class_names: names of the classes.
        train_samples: training samples after the division; None for all.
        val_fraction: share of the official training set for validation; 0 for none.
        val_samples: the same as a number; goes before the fraction.
        test_samples: test samples; None for all.
        split_seed: seed of the division.
        augment: of training batches.

    Raises:
        ValueError: there are not so many samples.
    """
    images, labels = train
    val, rest = hold_out(labels, val_fraction, val_samples, split_seed, "val")
    if train_samples is not None:
        rest = rest[choose(labels[rest], train_samples, split_seed, "train_samples")[0]]
    if not len(rest):
        raise ValueError("train_samples, val_fraction and val_samples must leave images to train on")
    test_images, test_labels = test
    if test_samples is not None:
        chosen, _ = choose(test_labels, test_samples, split_seed, "test_samples")
        test_images, test_labels = test_images[chosen], test_labels[chosen]
    return Splits(
        task=task,
        train=ImageSplit(images[rest], labels[rest], augment.augment, augment.mix),
        val=ImageSplit(images[val], labels[val]) if len(val) else None,
        test=ImageSplit(test_images, test_labels) if len(test_labels) else None,
        class_names=class_names,
    )
