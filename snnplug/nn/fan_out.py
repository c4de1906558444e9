"""How many accumulates a spike causes, by where in the input of a layer it comes in."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Geometry", "fan_out", "pads_its_input", "uniform_taps"]


class Geometry(NamedTuple):
    """How a convolution, or a transposed one, goes over its input."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int

    def taps(self, x: Tensor, weight: Tensor, side: int = 0) -> Tensor:
        """Return the derivative of the sum of all outputs with respect to one of the operands.

        Where the other operand is 1 everywhere it counts the taps on each value; where that has
        zeros, the taps on those are left out.

        Args:
            x: input `[N, C, *]`; for side 0 only its shape matters.
            weight: weights; for side 1 only their shape matters.
            side: 0 for the derivative with respect to the input, 1 to the weights.
        """
        channels = weight.shape[1] * self.groups if self.transposed else weight.shape[0]
        size = [self._results(i, x.shape[i + 2], weight.shape[i + 2]) for i in range(x.ndim - 2)]
        ones = x.new_ones((x.shape[0], channels, *size))
        wanted = [side == 0, side == 1, False]
        found = torch.ops.aten.convolution_backward(ones, x, weight, [0], *self, wanted)[side]
        return found.round()  # type: ignore[no-any-return]

    def _results(self, i: int, size: int, kernel: int) -> int:
        reach = self.dilation[i] * (kernel - 1) - 2 * self.padding[i]
        if self.transposed:
            return (size - 1) * self.stride[i] + reach + self.output_padding[i] + 1
        return (size - reach - 1) // self.stride[i] + 1


@lru_cache(maxsize=512)
def uniform_taps(
    shape: tuple[int, ...], kernel: tuple[int, ...], filters: int, geometry: Geometry, device: torch.device
) -> tuple[Tensor, float]:
    """Return the taps on each position of a channel, if no weight is left out, and their sum.

    Args:
        shape: of the input, without batch and channels.
        kernel: size of the filters.
        filters: how many go over a channel.
        geometry: how they go.
        device: where the taps are wanted.

    Returns:
        float64 `[1, 1, *shape]`, where taps on padding are left out, and a number.
    """
    x = torch.ones((1, 1, *shape), dtype=torch.float64)
    taps = filters * geometry._replace(groups=1).taps(x, x.new_ones((1, 1, *kernel)))
    return taps.to(device), float(taps.sum())


def pads_its_input(layer: nn.Module) -> bool:
    """Whether a convolution pads by an operation of its own before it convolves, or may do so."""
    if not isinstance(layer, nn.modules.conv._ConvNd):
        return False
    return layer.padding_mode != "zeros" or layer.padding == "same"


def fan_out(layer: nn.Module, shape: torch.Size | tuple[int, ...], mask: Tensor | None = None) -> Tensor:
    """Return how many accumulates one spike at each input position causes.

    Args:
        layer: a convolution, transposed convolution or linear layer.
        shape: shape of one input sample.
        mask: for a convolution, 1 for the weights that count and 0 for the others; None: all count.

    Returns:
        A float64 tensor that broadcasts to `shape`; its sum over `shape` is the layer's dense
        number of multiply-accumulates, taps on padding excluded.
    """
    if isinstance(layer, nn.Linear):
        return torch.full((1,), float(layer.out_features), dtype=torch.float64)
    assert isinstance(layer, nn.modules.conv._ConvNd)
    weight = torch.ones(layer.weight.shape, dtype=torch.float64) if mask is None else mask.double()
    geometry = Geometry(
        layer.stride,
        (0,) * len(layer.kernel_size),
        layer.dilation,
        layer.transposed,
        layer.output_padding,
        layer.groups,
    )
    if not pads_its_input(layer):
        assert not isinstance(layer.padding, str)
        return geometry._replace(padding=layer.padding).taps(weight.new_ones((1, *shape)), weight)[0]
    # each value has the taps of all its copies; a zero that pads is a copy of none and has a place of its own
    size = math.prod(shape[1:])
    zeros = layer.padding_mode == "zeros"
    numbers = torch.arange(size, dtype=torch.float64, device=weight.device).view(1, 1, *shape[1:])
    copies = F.pad(
        numbers,
        layer._reversed_padding_repeated_twice,
        mode="constant" if zeros else layer.padding_mode,
        value=size if zeros else None,
    )
    taps = geometry.taps(weight.new_ones((1, shape[0], *copies.shape[2:])), weight)
    found = weight.new_zeros((shape[0], size + 1))
    return found.index_add_(1, copies.flatten().long(), taps[0].flatten(1))[:, :size].view(shape)
