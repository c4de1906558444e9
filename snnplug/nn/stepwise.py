"""Batch norm of each time step alone.

On a CPU each step of a training sequence is normalised to where the sequence lies in memory. To join
the steps afterwards would read and write all of it once more. Values and gradients are the same.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug.nn.layout import Layout
from snnplug.nn.time import TimeModule, fold, join_steps

__all__ = ["StepwiseBatchNorm2d"]


class StepwiseBatchNorm2d(TimeModule):
    """Batch norm with the statistics of each time step alone.

    Equals `nn.BatchNorm2d` called step after step: in training the running statistics
    are updated T times. `step` does one of those calls.

    Args:
        channels: number of channels C.
        eps, momentum: as in `nn.BatchNorm2d`; without momentum the running statistics are means.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float | None = 0.1) -> None:
        super().__init__()
        self.channels, self.eps, self.momentum = channels, eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def step(self, x: Tensor) -> Tensor:
        """Normalise one step `[B, C, H, W]`."""
        if self.training:
            self.num_batches_tracked += 1
        momentum = self.momentum
        if momentum is None:
            momentum = 1 / float(self.num_batches_tracked) if self.training else 0.0
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            momentum,
            self.eps,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, H, W]` to the same shape."""
        if not self.training:
            return fold(self.step, x)
        if self.momentum is None or not self._is_covered(x):
            return join_steps([self.step(x_t) for x_t in x.unbind(0)])
        self.num_batches_tracked += len(x)
        running = self.running_mean, self.running_var
        y: Tensor = _Steps.apply(x, self.weight, self.bias, *running, self.momentum, self.eps)
        return y

    def _is_covered(self, x: Tensor) -> bool:
        """Whether `_Steps` takes images `[T, B, C, H, W]`; what it does not, torch's own function judges."""
        B, C, H, W = x.shape[1:] if x.ndim == 5 else (0, 0, 0, 0)
        return (
            x.device.type == self.weight.device.type == "cpu"
            and x.dtype == self.weight.dtype
            and self.channels == C
            and len(x) > 0
            and B * H * W > 1
            and type(x) in (Tensor, nn.Parameter)
            and not torch.compiler.is_compiling()
        )

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"{self.channels}, eps={self.eps}, momentum={self.momentum}"


class _Steps(torch.autograd.Function):
    """`F.batch_norm` of each step in training."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        momentum: float,
        eps: float,
    ) -> Tensor:
        y, _ = Layout(x).empty(x, len(x))
        means, scales = weight.new_empty(2, len(x), len(weight))
        running = running_mean, running_var
        for x_t, *out in zip(x, y, means, scales, strict=True):
            torch.native_batch_norm(x_t, weight, bias, *running, True, momentum, eps, out=out)
        ctx.save_for_backward(x, weight, means, scales)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, means, scales = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        steps = [
            torch.ops.aten.native_batch_norm_backward(
                g, x_t, weight, None, None, mean, scale, True, ctx.eps, wanted
            )
            for g, x_t, mean, scale in zip(grads[0], x, means, scales, strict=True)
        ]
        of_x, *of_parameters = zip(*steps, strict=True)
        grad_x = join_steps(of_x) if wanted[0] else None
        summed = [
            torch.stack(found).sum(0) if wish else None
            for found, wish in zip(of_parameters, wanted[1:], strict=True)
        ]
        return grad_x, *summed, None, None, None, None
