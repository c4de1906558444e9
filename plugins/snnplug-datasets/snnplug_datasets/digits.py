"""Handwritten digits of 8 x 8 pixels with 17 grey levels: the copy embedded in scikit-learn.

E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1998, doi:10.24432/C50P49. scikit-learn holds the 1,797 images of its test part;
there is no official division of them, so test and validation set are drawn from all.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Interval
from sklearn.datasets import load_digits

from snnplug import Splits, Task, check_ranges
from snnplug.nn import Augment, Augmentation, ImageSplit
from snnplug_datasets.augmentations import UNCHANGED, augmentation
from snnplug_datasets.splitting import choose, hold_out

__all__ = ["digits"]


@check_ranges
def digits(
    *,
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    test_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.2,
    split_seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0,
    augment: Augment = False,
) -> Splits:
    """Return the digits, values in [0, 1], input shape (1, 8, 8).

    Args:
        val_fraction: share of all images for validation; 0 for none.
        test_fraction: share of all images for testing; 0 for none.
        split_seed: seed of the stratified division.
        augment: true to shift training images by up to a pixel at random, or a list of names of
            augmentations; see `snnplug_datasets.augmentations`.

    Raises:
        ValueError: the fractions are negative or leave nothing to train on, or an augmentation is unknown.
    """
    if not 0 <= val_fraction + test_fraction < 1:
        raise ValueError(
            "val_fraction and test_fraction must leave images to train on, "
            f"got {val_fraction} and {test_fraction}"
        )
    data = load_digits()
    images = torch.from_numpy(data.images).float().div(16).unsqueeze(1)
    labels = torch.from_numpy(data.target).long()
    test, rest = hold_out(labels, test_fraction, None, split_seed, "test")
    wanted = round(len(labels) * val_fraction)
    val, train = choose(labels[rest], wanted, split_seed, "val_fraction")

    task = Task(input_shape=(1, 8, 8), classes=10, mean=(0.3053,), std=(0.3760,))
    made = augmentation(augment, task, [{"use": "crop", "pad": 1}])

    def part(indices: torch.Tensor, augmented: Augmentation = UNCHANGED) -> ImageSplit | None:
        if not len(indices):
            return None
        return ImageSplit(images[indices], labels[indices], augmented.augment, augmented.mix)

    return Splits(
        task=task,
        train=part(rest[train], made),
        val=part(rest[val]),
        test=part(test),
        class_names=tuple(map(str, range(10))),
    )
