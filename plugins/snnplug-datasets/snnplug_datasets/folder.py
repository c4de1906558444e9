"""Images in folders, read when they are needed, and then kept as pixels where there is room.

Three layouts are recognised:

    root/<class>/*.png                         everything in one; test and validation set are drawn from it
    root/{train,val,test}/<class>/*.png        as divided; val or test may be missing
    root/val/images/*.JPEG                     Tiny ImageNet as it is unpacked: the labels of val are
    root/val/val_annotations.txt               in a file of lines `<file> TAB <class> TAB ...`

`snnplug_datasets.listing` says which files count, `snnplug_datasets.image` what becomes of their pixels.

The test set is `test` where it has labels, else `val`, and then validation images are drawn
from `train`: what a network is chosen by must not be what it is judged by. Tiny ImageNet's own
test images have no labels, so its `val` is the test set, as in the literature.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Interval
from torch import Tensor
from torch.utils.data import Dataset

from snnplug import Splits, Task, check_ranges
from snnplug.errors import DataError
from snnplug.nn import Augment, at_home
from snnplug_datasets.augmentations import augmentation
from snnplug_datasets.image import read_image
from snnplug_datasets.listing import Samples, class_folders, labelled_images
from snnplug_datasets.random_crop import random_resized_crop
from snnplug_datasets.splitting import choose, hold_out

__all__ = ["FolderSplit", "image_folder"]


class FolderSplit(Dataset[tuple[Tensor, Tensor]]):
    """Part of an image folder, opened image by image; what was read once is kept, if all of it would fit.

    Args:
        samples: files and their class indices.
        size: height and width.
        channels: 3 for colour, 1 for grey.
        augment: applied to a batch of values `[B, C, H, W]` in [0, 1].
        mix: see `snnplug.Splits`.
        cache: bytes that the pixels of all images may take; if they take more, none is kept.
        resize: what the shorter side is scaled to, before the centre is cropped; None for `size`.
        crop: takes a random part of an image in place of its centre, of the image as it is in its file;
            nothing is kept then.
    """

    def __init__(
        self,
        samples: Samples,
        size: Annotated[int, Ge(1)],
        channels: int = 3,
        augment: Callable[[Tensor], Tensor] | None = None,
        mix: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
        cache: int = 0,
        resize: int | None = None,
        crop: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.files = [file for file, _ in samples]
        self.labels = torch.tensor([label for _, label in samples])
        self.size, self.channels, self.augment, self.mix = size, channels, augment, mix
        self.resize, self.crop = resize or size, crop
        shape = len(samples), channels, size, size
        keeps = crop is None and math.prod(shape) <= cache
        self._kept = torch.empty(shape, dtype=torch.uint8) if keeps else None
        self._known = torch.zeros(len(samples), dtype=torch.bool)

    def __len__(self) -> int:
        return len(self.files)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return values `[B, C, H, W]` in [0, 1] and labels `[B]`.

        Raises:
            DataError: an image cannot be read.
        """
        stored, labels = self.stored(indices)
        return self.finished(stored), labels

    def stored(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return pixels as they are in the files, without the augmentation, and labels."""
        if self._kept is not None and bool(self._known[indices].all()):
            return self._kept[indices], self.labels[indices]
        pixels = [self._read(i) for i in indices.tolist()]
        if len({one.dtype for one in pixels}) > 1:
            pixels = [_unit(one) for one in pixels]
        return torch.stack(pixels), self.labels[indices]

    def finished(self, stored: Tensor) -> Tensor:
        """Return what `batch` makes of stored pixels, on their device."""
        values = _unit(stored)
        return self.augment(values) if self.augment else values

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        values, labels = self.batch(torch.tensor([index]))
        return values[0], labels[0]

    def _read(self, index: int) -> Tensor:
        from torchvision.transforms.v2 import functional as transforms

        if self._kept is not None and self._known[index]:
            return self._kept[index]
        pixels = read_image(self.files[index], self.channels)
        if self.crop is not None:
            return self.crop(pixels)
        if pixels.shape[1:] != (self.size, self.size) or self.resize != self.size:
            scaled = transforms.resize(pixels, [self.resize], antialias=True)
            pixels = transforms.center_crop(scaled, [self.size, self.size])
        if self._kept is not None and pixels.dtype == torch.uint8:
            self._kept[index], self._known[index] = pixels, True
        return pixels


def _unit(pixels: Tensor) -> Tensor:
    """Return pixels as values in [0, 1]."""
    return pixels.clamp(0, 1) if pixels.is_floating_point() else pixels.float().div_(255)


@check_ranges
def image_folder(
    *,
    root: str,
    size: Annotated[int, Ge(1)] = 64,
    channels: Literal[1, 3] = 3,
    resize: int | None = None,
    random_crop: bool = False,
    train_samples: Annotated[int, Ge(0)] | None = None,
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    val_samples: Annotated[int, Ge(0)] | None = None,
    test_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    test_samples: Annotated[int, Ge(0)] | None = None,
    split_seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0,
    augment: Augment = False,
    crop_pad: Annotated[int, Ge(0)] = 4,
    cache_gb: Annotated[float, Ge(0)] = 1.0,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
) -> Splits:
    """Return images from folders, values in [0, 1], input shape (channels, size, size).

    Args:
        root: the folder; see the module's text for the layouts.
        size: height and width in pixels.
        channels: 3 for colour, 1 for grey.
        resize: pixels of the shorter side before the centre is cropped, at least `size`, such as 256 for 224;
            None for `size`.
        random_crop: training images are random parts of 8 to 100 % of the area, scaled to `size`, as networks
            for ImageNet are trained; none is kept in memory then.
        train_samples: training images, every class with its share; None for all.
        val_fraction: share for validation where there is no folder for it; 0 for none.
        val_samples: the same as a number, which goes before the fraction; with a folder, of its images.
        test_fraction: share for testing where there is no folder for it; 0 for none.
        test_samples: the same as a number, which goes before the fraction; with a folder, of its images.
        split_seed: seed of the stratified division.
        augment: true to crop and flip training images at random, or a list of names of
            augmentations; see `snnplug_datasets.augmentations`.
        crop_pad: padding of the random crop in pixels, with true.
        cache_gb: a part whose pixels take at most so many gigabytes is decoded once only; 0 for never.
        mean, std: per-channel normalisation; None for ImageNet's, or its mean over colours.

    Raises:
        DataError: the folder is missing, empty, or holds classes that training does not have.
        ValueError: a parameter is out of range.
    """
    if resize is not None and resize < size:
        raise ValueError(f"resize must be at least size = {size} pixels, got {resize}")
    cache = round(cache_gb * 1e9)
    mean = mean if mean is not None else (0.485, 0.456, 0.406) if channels == 3 else (0.449,)
    std = std if std is not None else (0.229, 0.224, 0.225) if channels == 3 else (0.226,)
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (0, channels):
            raise ValueError(f"{name} must have {channels} values, or none, got {len(values)}")
    place = at_home(root, "dataset.root")
    if not os.path.isdir(place):
        raise DataError(f'there is no image folder at {place}; set root = "..." to a folder of class folders')

    divided = os.path.isdir(place / "train")
    classes, train = labelled_images(place / "train" if divided else place)
    val = _labelled(place / "val", classes) if divided else []
    test = _labelled(place / "test", classes) if divided else []
    if val and not test:
        val, test = [], val
    if test:
        test = _some(test, test_samples, split_seed, "test_samples")
    else:
        test, train = _draw(train, test_fraction, test_samples, split_seed, "test")
    if val:
        val = _some(val, val_samples, split_seed, "val_samples")
    else:
        val, train = _draw(train, val_fraction, val_samples, split_seed, "val")
    train = _some(train, train_samples, split_seed, "train_samples")
    if not train:
        raise ValueError("train_samples, val_samples and test_samples must leave images to train on")
    task = Task(input_shape=(channels, size, size), classes=len(classes), mean=tuple(mean), std=tuple(std))
    crop = random_resized_crop((size, size)) if random_crop else None
    made = augmentation(augment, task, [{"use": "crop_flip", "pad": crop_pad}])
    return Splits(
        task=task,
        train=FolderSplit(train, size, channels, made.augment, made.mix, cache, resize, crop),
        val=FolderSplit(val, size, channels, cache=cache, resize=resize) if val else None,
        test=FolderSplit(test, size, channels, cache=cache, resize=resize) if test else None,
        class_names=tuple(classes),
    )


def _labelled(place: Path, classes: list[str]) -> Samples:
    """Return the samples of a part of a divided folder; none if it is missing or has no labels."""
    if not os.path.isdir(place):
        return []
    index = {name: i for i, name in enumerate(classes)}
    annotations = place / f"{place.name}_annotations.txt"
    folders = set(class_folders(place))
    if annotations.is_file():
        try:
            text = annotations.read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            raise DataError(f"{annotations} cannot be read: {error}") from error
        rows = [line.split("\t") for line in text.splitlines() if line.strip()]
        if any(len(row) < 2 for row in rows):
            raise DataError(f"{annotations} must hold lines of file, tab and class")
        samples = [(str(place / "images" / row[0]), row[1]) for row in rows]
    elif folders <= {"images"} and "images" not in index:
        return []
    else:
        names, found = labelled_images(place)
        samples = [(file, names[label]) for file, label in found]
    if unknown := sorted({name for _, name in samples} - set(index)):
        raise DataError(
            f"{place} holds classes that the training images do not have: {', '.join(unknown[:5])}"
        )
    return [(file, index[name]) for file, name in samples]


def _draw(
    samples: Samples, fraction: float, count: int | None, seed: int, name: str
) -> tuple[Samples, Samples]:
    chosen, rest = hold_out(_labels(samples), fraction, count, seed, name)
    return [samples[i] for i in chosen.tolist()], [samples[i] for i in rest.tolist()]


def _some(samples: Samples, count: int | None, seed: int, name: str) -> Samples:
    if count is None:
        return samples
    chosen, _ = choose(_labels(samples), count, seed, name)
    return [samples[i] for i in chosen.tolist()]


def _labels(samples: Samples) -> Tensor:
    return torch.tensor([label for _, label in samples])
