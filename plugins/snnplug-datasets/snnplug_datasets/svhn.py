"""SVHN: colour images of 32 x 32 pixels of house numbers, read by torchvision.

Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu and A. Y. Ng, "Reading Digits in Natural Images with
Unsupervised Feature Learning", NIPS Workshop on Deep Learning and Unsupervised Feature Learning 2011. Mean
and standard deviation are those that the SNN literature uses (Na et al., AutoSNN, ICML 2022). What differs
from there: digits are not mirrored unless asked for, and test images never are.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Interval
from torch import Tensor

from snnplug import Splits, Task, check_ranges
from snnplug.nn import Augment
from snnplug_datasets.augmentations import augmentation
from snnplug_datasets.stored import divide, read_part

__all__ = ["svhn"]


@check_ranges
def svhn(
    *,
    root: str | None = None,
    download: bool = False,
    extra: bool = False,
    train_samples: Annotated[int, Ge(0)] | None = None,
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    val_samples: Annotated[int, Ge(0)] | None = None,
    test_samples: Annotated[int, Ge(0)] | None = None,
    split_seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0,
    augment: Augment = True,
    flip: bool = False,
) -> Splits:
    """Return SVHN with the digit 0 as class 0, values in [0, 1], input shape (3, 32, 32).

    Args:
        root: folder that holds `train_32x32.mat` and `test_32x32.mat`; None for `SNNPLUG_DATA` or
            `~/.cache/snnplug`.
        download: fetch them if they are not there.
        extra: train on the 531,131 easier images of `extra_32x32.mat` too.
        train_samples: training images, every class with its share; None for all.
        val_fraction: share of the training images for validation; 0 for none.
        val_samples: the same as a number; goes before the fraction.
        test_samples: test images; None for all.
        split_seed: seed of the stratified division.
        augment: true to crop training images at random, or a list of names of augmentations; see
            `snnplug_datasets.augmentations`.
        flip: with true, mirror every second one too, as some published networks were trained: a
            mirrored 2 is no 2.

    Raises:
        DataError: the files are missing or corrupt.
        ValueError: there are not so many images, `flip` is set without `augment`, or an augmentation is
            unknown.
    """
    from torchvision.datasets import SVHN

    if flip and augment is not True:
        raise ValueError("flip needs augment = true; in a list of augmentations name crop_flip")

    def part(name: str) -> tuple[np.ndarray, np.ndarray]:
        file = SVHN.split_list[name][1]
        found = read_part("svhn", partial(SVHN, split=name), file, root, download)
        return found.data, found.labels

    train, test = [part(name) for name in (("train", "extra") if extra else ("train",))], part("test")
    task = Task(
        input_shape=(3, 32, 32),
        classes=10,
        mean=(0.4377, 0.4438, 0.4728),
        std=(0.1980, 0.2010, 0.1970),
    )
    return divide(
        _tensors(train),
        _tensors([test]),
        task,
        tuple("0123456789"),
        train_samples=train_samples,
        val_fraction=val_fraction,
        val_samples=val_samples,
        test_samples=test_samples,
        split_seed=split_seed,
        augment=augmentation(augment, task, ["crop_flip" if flip else "crop"]),
    )


def _tensors(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Tensor, Tensor]:
    images, labels = zip(*parts, strict=True)
    # MATLAB's order of pixels: copied once into that of a batch
    return (
        torch.from_numpy(np.concatenate(images).copy(order="C")),
        torch.from_numpy(np.concatenate(labels)),
    )
