"""Samples in memory, handed out in batches: no file, no copy and no Python object per sample."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.data import Dataset

__all__ = ["FrameSplit", "ImageSplit"]


class ImageSplit(Dataset[tuple[Tensor, Tensor]]):
    """Part of a dataset, held as one tensor.

    Args:
        images: `[N, C, H, W]`, uint8 in 0..255 or float in [0, 1].
        labels: class indices `[N]`.
        augment: applied to a batch of values `[B, C, H, W]` in [0, 1]; draws from a global
            generator, which the engine seeds for each epoch.
        mix: see `snnplug.Splits`.

    Raises:
        ValueError: there are not as many labels as images, or one is no whole number.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        augment: Callable[[Tensor], Tensor] | None = None,
        mix: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
    ) -> None:
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images but {len(labels)} labels")
        whole = labels.long()
        if labels.is_floating_point() and (broken := labels[whole.to(labels.dtype) != labels]).numel():
            raise ValueError(f"labels must be whole numbers, got {broken[0].item():g}")
        self.images, self.labels, self.augment, self.mix = images, whole, augment, mix

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return values `[B, C, H, W]` in [0, 1] and labels `[B]`."""
        stored, labels = self.stored(indices)
        return self.finished(stored), labels

    def stored(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return values as they are stored, not augmented, and labels: the first half of `batch`."""
        return self.images[indices], self.labels[indices]

    def finished(self, stored: Tensor) -> Tensor:
        """Return what `batch` makes of stored values, on their device."""
        values = self.floats(stored)
        return self.augment(values) if self.augment else values

    def values(self, indices: Tensor) -> Tensor:
        """Return values without the augmentation."""
        return self.floats(self.images[indices])

    def floats(self, stored: Tensor) -> Tensor:
        """Return stored values as values, without the augmentation."""
        return stored.float().div_(255) if stored.dtype == torch.uint8 else stored

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        values, labels = self.batch(torch.tensor([index]))
        return values[0], labels[0]


class FrameSplit(ImageSplit):
    """Part of a dataset of events, held as one tensor of frames; whole counts stay whole.

    The tensor may be a view of a file that is mapped into memory: only what a batch needs is read.

    Args:
        images: `[N, T, *]`, events per step and place, of any type; whole numbers are handed out as float32.
        labels: class indices `[N]`.
        augment: applied to a batch of values `[B, T, *]`; draws from a global generator.
        mix: see `snnplug.Splits`.

    Raises:
        ValueError: there are not as many labels as samples, or one is no whole number.
    """

    def floats(self, stored: Tensor) -> Tensor:
        """Return stored frames as values, without the augmentation."""
        return stored if stored.is_floating_point() else stored.float()
