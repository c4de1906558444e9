"""Random crop and flip of a whole batch of images or frames at once."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["CropAndFlip"]


@attrs.frozen
class CropAndFlip:
    """Shifts each sample by up to `pad` pixels, filling with 0, and mirrors every second one.

    All time steps of a sample move alike. Draws from torch's global generator on the CPU, whatever the device
    of the values.

    Attributes:
        pad: greatest shift in pixels.
        flip: mirror left and right with probability 1/2.
        anywhere: it takes values on any device; see `snnplug.nn.Augmentation`.
    """

    anywhere: ClassVar[bool] = True

    pad: int = 4
    flip: bool = True

    def __call__(self, values: Tensor) -> Tensor:
        """Map `[B, *, C, H, W]` to the same shape."""
        B, H, W = values.shape[0], *values.shape[-2:]
        offsets = torch.randint(2 * self.pad + 1, (2, B, 1))
        rows = offsets[0] + torch.arange(H)
        columns = offsets[1] + torch.arange(W)
        if self.flip:
            columns = torch.where(torch.rand(B, 1) < 0.5, columns.flip(1), columns)
        wide = F.pad(values.reshape(B, -1, H, W), [self.pad] * 4)
        batch = torch.arange(B).view(B, 1, 1)
        moved = wide[batch, :, rows.unsqueeze(2), columns.unsqueeze(1)].permute(0, 3, 1, 2)
        return moved.reshape(values.shape)
