"""Infinite currents, as an overflow in half precision makes them: they count as very large numbers.

A neuron in a float would otherwise meet inf - inf and 0 * inf in its charge, its reset and its
gradients, and NaN never fires again.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import hardtanh

__all__ = ["clamp", "saturate"]


def saturate(x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Return a current whose values, and the products of two of them, are finite; NaN stays NaN.

    Args:
        x: current, any shape.
        dtype: type of the result; None for that of `x`, but at least float32.
    """
    dtype = torch.promote_types(x.dtype, torch.float32) if dtype is None else dtype
    return clamp(x.to(dtype), torch.finfo(dtype).max ** 0.5)


def clamp(x: Tensor, most: float) -> Tensor:
    """Return `x` within plus and minus `most`."""
    return hardtanh(x, -most, most)  # the same as torch.clamp, but its gradient does without booleans
