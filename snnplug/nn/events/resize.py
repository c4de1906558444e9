"""Frames of another size.

| how | what a new pixel is | numbers |
|---|---|---|
| sum | the sum of the old pixels at `floor(y h / H)` and `floor(x w / W)` | counts stay whole, none is lost |
| bilinear | the weighted mean of the old pixels around, with antialiasing | real |

Published recipes for frames of 48 x 48 interpolate (Deng et al., ICLR 2022, arXiv:2202.11946). What the first
layer sees then are no events any more, and each of its operations is a multiplication.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from snnplug.errors import DataError

__all__ = ["resize"]


def resize(frames: Tensor, size: tuple[int, int], how: Literal["sum", "bilinear"] = "sum") -> Tensor:
    """Return frames `[*, H, W]` as `[*, h, w]`.

    Args:
        frames: counts of any type, or real values.
        size: h and w.
        how: "sum" keeps the type; sums above 255 of uint8 become 255. "bilinear" gives float32.

    Raises:
        DataError: `how` is unknown, or a sum is asked for more pixels than there are.
    """
    H, W = frames.shape[-2:]
    if how not in ("sum", "bilinear"):
        raise DataError(f"how must be 'sum' or 'bilinear', got {how!r}")
    if how == "bilinear":
        flat = frames.reshape(-1, 1, H, W).float()
        small = F.interpolate(flat, size=size, mode="bilinear", align_corners=False, antialias=True)
        return small.view(*frames.shape[:-2], *size)
    if size == (H, W):
        return frames
    if size[0] > H or size[1] > W:
        raise DataError(
            f"frames of {H} x {W} cannot be summed up to {size[0]} x {size[1]}, which has more pixels; "
            "take a smaller size, or how = 'bilinear'"
        )
    sums = frames if frames.is_floating_point() else frames.long()
    for axis, old, new in ((-2, H, size[0]), (-1, W, size[1])):
        shape = list(sums.shape)
        shape[axis] = new
        place = torch.arange(old, device=frames.device) * new // old
        sums = sums.new_zeros(shape).index_add_(axis, place, sums)
    return sums.clamp_(max=255).to(torch.uint8) if frames.dtype == torch.uint8 else sums.to(frames.dtype)
