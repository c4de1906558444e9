"""The order of images in memory: channels last, in which convolutions and pools run faster on CPUs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["channels_last", "flat_samples"]


def channels_last(model: nn.Module) -> nn.Module:
    """Let two-dimensional convolutions work in channels-last order; the rest of the model follows them.

    Values and shapes stay what they were, up to the rounding of another summation order. Folding
    and the neurons run block by block keep the order, so nothing is copied between layers.

    Args:
        model: changed in place.

    Returns:
        The same model.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d) and not isinstance(layer.weight, nn.UninitializedParameter):
            layer.to(memory_format=torch.channels_last)
    return model


def flat_samples(x: Tensor) -> Tensor:
    """Return the values of each sample in a row, in the order in which they lie in memory.

    Args:
        x: `[T, B, *]`.

    Returns:
        `[T, B, N]`, without a copy of images in either order.
    """
    if x.ndim == 5 and not x[0].is_contiguous() and x[0].is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 1, 3, 4, 2)
    return x.reshape(*x.shape[:2], -1)
