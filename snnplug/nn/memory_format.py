"""The order of images in memory: channels last, in which convolutions and pools run faster on CPUs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["channels_last", "flat_samples"]

_BLOCK = 16  # channels that oneDNN's widest kernels take at a time


def channels_last(model: nn.Module) -> nn.Module:
    """Let two-dimensional convolutions work in channels-last order; the rest of the model follows them.

    Values and shapes stay what they were, up to the rounding of another summation order. Folding
    and the neurons run block by block keep the order, so nothing is copied between layers.

    A model stays as it is where it has a strided convolution of one pixel over few channels: in this order
    oneDNN writes past the end of its memory in the backward pass of such a layer
    (https://github.com/uxlfoundation/oneDNN/issues/6035), on processors without AVX-512 below eight channels.

    Args:
        model: changed in place.

    Returns:
        The same model.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    if any(_overruns(layer) for layer in layers):
        return model
    for layer in layers:
        if not isinstance(layer.weight, nn.UninitializedParameter):
            layer.to(memory_format=torch.channels_last)
    return model


def _overruns(layer: nn.Conv2d) -> bool:
    """Whether it is a layer of the kind whose backward pass oneDNN does not survive in this order."""
    strided = max(layer.stride) > 1 and max(layer.kernel_size) == 1
    return strided and layer.in_channels // layer.groups < _BLOCK


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
