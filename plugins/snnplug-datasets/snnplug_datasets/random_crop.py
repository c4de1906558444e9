"""A random part of an image, scaled to a size.

Szegedy et al., CVPR 2015, arXiv:1409.4842; torchvision's RandomResizedCrop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

__all__ = ["random_resized_crop"]


def random_resized_crop(
    size: Sequence[int], scale: Sequence[float] = (0.08, 1.0), ratio: Sequence[float] = (0.75, 4 / 3)
) -> Callable[[Tensor], Tensor]:
    """Return what maps an image `[C, H, W]` to a part of it `[C, *size]`, drawn anew each time.

    Args:
        size: height and width of the result.
        scale: smallest and largest share of the image's area.
        ratio: smallest and largest width of a part, for a height of 1.

    Raises:
        ValueError: a pair is out of order or of its range.
    """
    from torchvision.transforms.v2 import RandomResizedCrop

    for name, pair, most in (("scale", scale, 1.0), ("ratio", ratio, float("inf"))):
        numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in _items(pair))
        if not numbers or len(pair) != 2 or not 0 < pair[0] <= pair[1] <= most or pair[1] == float("inf"):
            limit = " and at most 1" if most == 1 else ""
            raise ValueError(f"{name} must be two numbers above 0{limit}, smaller one first, got {pair!r}")
    crop: Callable[[Tensor], Tensor] = RandomResizedCrop(
        tuple(size), scale=tuple(scale), ratio=tuple(ratio), antialias=True
    )
    return crop


def _items(pair: Any) -> Sequence[Any]:
    return pair if isinstance(pair, list | tuple) else (None,)
