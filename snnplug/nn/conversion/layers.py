"""Affine layers whose bias enters as often as the neurons of a converted network want.

    y[t] = W x[t] + b   where t is a multiple of `every`, or 0 if `every` is None
    y[t] = W x[t]       in all other steps

Summed over a window of which the values are spread over the steps, that is W x + b. All layers take
`[T·B, *]` and the batch size; a single step, as in the value domain, is the plain layer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug.nn.conversion.windows import unfold
from snnplug.nn.stream import current_pass, steps_before

__all__ = ["LAYERS", "BatchNorm", "BiasEvery", "Conv1d", "Conv2d", "Conv3d", "Convolution", "Linear", "Shift"]


class BiasEvery(nn.Module):
    """A layer that adds its bias in some of the steps.

    Attributes:
        every: 1 for each step, a number of steps, or None for once a window.
    """

    every: int | None = 1

    def in_all(self, x: Tensor, batch: int | None) -> bool:
        """Whether all steps of an input `[T·B, *]` get the bias."""
        return batch is None or self.every == 1 or (x.shape[0] == batch and current_pass() is None)

    def add_bias(self, y: Tensor, bias: Tensor, batch: int | None) -> Tensor:
        """Add a bias to the steps of a new tensor `[T·B, *]` that get one, in place."""
        steps = unfold(y, batch or len(y))
        chosen = steps[:1] if self.every is None else steps[-steps_before() % self.every :: self.every]
        chosen += bias
        return y


class Convolution(BiasEvery, nn.modules.conv._ConvNd):
    """Base of the convolutions."""

    def forward(self, input: Tensor, batch: int | None = None) -> Tensor:
        """Convolve `[T·B, C, *]`."""
        if self.bias is None or self.in_all(input, batch):
            return self._conv_forward(input, self.weight, self.bias)
        y = self._conv_forward(input, self.weight, None)
        return self.add_bias(y, _per_channel(self.bias, y), batch)


class Conv1d(Convolution, nn.Conv1d):
    """Convolution over one axis."""


class Conv2d(Convolution, nn.Conv2d):
    """Convolution over two axes."""


class Conv3d(Convolution, nn.Conv3d):
    """Convolution over three axes."""


class Linear(BiasEvery, nn.Linear):
    """Linear layer over the last axis."""

    def forward(self, input: Tensor, batch: int | None = None) -> Tensor:
        """Map `[T·B, *, F]` to `[T·B, *, F']`."""
        if self.bias is None or self.in_all(input, batch):
            return F.linear(input, self.weight, self.bias)
        return self.add_bias(F.linear(input, self.weight), self.bias, batch)


class BatchNorm(BiasEvery):
    """Batch norm with frozen statistics; its scale and shift can be trained.

    Args:
        mean, variance: statistics `[C]`.
        weight, bias: scale and shift `[C]`.
        eps: added to the variance.
    """

    mean: Tensor
    variance: Tensor

    def __init__(
        self, mean: Tensor, variance: Tensor, weight: nn.Parameter, bias: nn.Parameter, eps: float
    ) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("variance", variance)
        self.weight, self.bias, self.eps = weight, bias, eps

    def affine(self) -> tuple[Tensor, Tensor]:
        """Return the factor and the shift of each channel `[C]`."""
        factor = self.weight / torch.sqrt(self.variance + self.eps)
        return factor, self.bias - self.mean * factor

    def forward(self, x: Tensor, batch: int | None = None) -> Tensor:
        """Scale and shift `[T·B, C, *]`."""
        if self.in_all(x, batch):
            return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, eps=self.eps)
        factor, shift = self.affine()
        y = x * _per_channel(factor, x)
        return self.add_bias(y, _per_channel(shift, y), batch)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"{len(self.mean)}, eps={self.eps}"


class Shift(BiasEvery):
    """Adds a constant.

    Args:
        bias: it, broadcast over `[T·B, *]`.
    """

    def __init__(self, bias: Tensor) -> None:
        super().__init__()
        if isinstance(bias, nn.Parameter):
            self.bias = bias
        else:
            self.register_buffer("bias", bias)

    def forward(self, x: Tensor, batch: int | None = None) -> Tensor:
        """Shift `[T·B, *]`."""
        return x + self.bias if self.in_all(x, batch) else self.add_bias(x.clone(), self.bias, batch)


LAYERS = {"conv1d": Conv1d, "conv2d": Conv2d, "conv3d": Conv3d}
"""Convolutions by the names of torch's operations."""


def _per_channel(values: Tensor, x: Tensor) -> Tensor:
    """Return values `[C]` so that they go over the channels of `[T·B, C, *]`."""
    return values.view(-1, *[1] * (x.ndim - 2))
