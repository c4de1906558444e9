"""Batch norm of each time step alone.

Evaluation needs running statistics in place of a batch's. The published way is one set for all steps, their
mean. That is right where the steps are alike. Where they are not, as with events, or with feedback, of which
the first step has none, no step has the mean's scale: a network that is right about its training batches can
be no better than chance in evaluation (docs/event-tasks.md has figures). Networks for events therefore keep a
set for each step, and others do where they are asked to, as in
Y. Kim and P. Panda, Frontiers in Neuroscience 2021, doi:10.3389/fnins.2021.773954; their scale and shift of
each step are not part of this.

On a CPU each step of a training sequence is normalised to where the sequence lies in memory. To join
the steps afterwards would read and write all of it once more. Values and gradients are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug.contracts import Task
from snnplug.errors import ContractError
from snnplug.nn.layout import Layout
from snnplug.nn.rerun import remember
from snnplug.nn.stream import StreamState, steps_before
from snnplug.nn.time import TimeModule, fold, join_steps
from snnplug.nn.transforms import is_traced

__all__ = ["StepwiseBatchNorm2d", "keep_statistics_of_steps"]


class StepwiseBatchNorm2d(TimeModule):
    """Batch norm with the statistics of each time step alone.

    Equals `nn.BatchNorm2d` called step after step: in training the running statistics
    are updated T times. `step` does one of those calls.

    Args:
        channels: number of channels C.
        eps: as in `nn.BatchNorm2d`.
        momentum: as in `nn.BatchNorm2d`; without one the running statistics are means.
        steps: number of time steps T, each of which has running statistics `[T, C]` of its own; None for
            one set `[C]` for all.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(
        self, channels: int, eps: float = 1e-5, momentum: float | None = 0.1, steps: int | None = None
    ) -> None:
        super().__init__()
        self.channels, self.eps, self.momentum = channels, eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.keep(steps)

    def keep(self, steps: int | None) -> None:
        """Begin new running statistics, of each of so many steps or of all together."""
        rows = () if steps is None else (steps,)
        weight = self.weight
        self.steps = steps
        self.register_buffer("running_mean", weight.new_zeros(*rows, self.channels))
        self.register_buffer("running_var", weight.new_ones(*rows, self.channels))
        self.register_buffer("num_batches_tracked", torch.zeros(rows, dtype=torch.long, device=weight.device))

    @overload
    def step(self, x: Tensor, t: int = 0) -> Tensor: ...
    @overload
    def step(self, x: Tensor, t: StreamState) -> tuple[Tensor, StreamState]: ...
    def step(self, x: Tensor, t: int | StreamState = 0) -> Tensor | tuple[Tensor, StreamState]:
        """Normalise one step `[B, C, H, W]`.

        Args:
            x: the step.
            t: which it is, from 0; read where each step has its statistics. Or a state of a stream, as every
                `TimeModule` takes it, whose next state is returned, too.

        Raises:
            ContractError: there are no statistics of that step.
        """
        return super().step(x, t) if isinstance(t, StreamState) else self._normalise(x, t)

    def _normalise(self, x: Tensor, t: int) -> Tensor:
        mean, var, tracked = self.running_mean, self.running_var, self.num_batches_tracked
        if self.steps is not None:
            if t >= self.steps:
                raise ContractError(
                    f"batch norm keeps statistics of {self.steps} time steps, but the input has more; build "
                    "the network for as many as the data has"
                )
            mean, var, tracked = mean[t], var[t], tracked[t]
        if self.training:
            tracked += 1
        momentum = self.momentum
        if momentum is None:
            momentum = 1 / float(tracked) if self.training else 0.0
        return F.batch_norm(
            x,
            mean,
            var,
            self.weight,
            self.bias,
            self.training,
            momentum,
            self.eps,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, H, W]` to the same shape."""
        if not self.training and self.steps is None:
            return fold(lambda steps: self._normalise(steps, 0), x)
        first = steps_before()
        if not self.training or self.momentum is None or not self._is_covered(x, first):
            return join_steps([self._normalise(x_t, t) for t, x_t in enumerate(x.unbind(0), first)])
        running = self.running_mean, self.running_var
        if self.steps is None:
            self.num_batches_tracked += len(x)
        else:
            now = slice(first, first + len(x))
            self.num_batches_tracked[now] += 1
            running = running[0][now], running[1][now]
        y: Tensor = _Steps.apply(x, self.weight, self.bias, *running, self.momentum, self.eps)
        remember(y, _normalised, x, self.weight, self.bias, self.eps)
        return y

    def _is_covered(self, x: Tensor, first: int) -> bool:
        """Whether `_Steps` takes images `[T, B, C, H, W]`; what it does not, torch's own function judges."""
        B, C, H, W = x.shape[1:] if x.ndim == 5 else (0, 0, 0, 0)
        return (
            x.device.type == self.weight.device.type == "cpu"
            and x.dtype == self.weight.dtype
            and self.channels == C
            and len(x) > 0
            and first + len(x) <= (self.steps or first + len(x))
            and B * H * W > 1
            and type(x) in (Tensor, nn.Parameter)
            and not is_traced()
        )

    def extra_repr(self) -> str:
        """Show the settings."""
        steps = "" if self.steps is None else f", steps={self.steps}"
        return f"{self.channels}, eps={self.eps}, momentum={self.momentum}{steps}"


def keep_statistics_of_steps(network: nn.Module, task: Task, *, static: bool = False) -> None:
    """Let stepwise batch norms keep running statistics of each step, in a new network for events.

    Nothing is changed where the number of steps is not known.

    Args:
        network: as built, not trained.
        task: what it is built for.
        static: also for static values, whose steps differ where a network has feedback.
    """
    if (task.events or static) and task.steps:
        for part in network.modules():
            if isinstance(part, StepwiseBatchNorm2d):
                part.keep(task.steps)


def _normalise(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    running: Sequence[tuple[Tensor | None, Tensor | None]],
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return each step normalised, and means and inverse deviations `[T, C]`; update running statistics."""
    y, _ = Layout(x).empty(x, len(x))
    means, scales = weight.new_empty(2, len(x), len(weight))
    for of_step, x_t, *out in zip(running, x, y, means, scales, strict=False):
        torch.native_batch_norm(x_t, weight, bias, *of_step, True, momentum, eps, out=out)
    return y, means, scales


def _normalised(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Return each step normalised, without running statistics."""
    return _normalise(x, weight, bias, [(None, None)] * len(x), 0.0, eps)[0]


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
        rows = [part if part.ndim == 2 else [part] * len(x) for part in (running_mean, running_var)]
        y, means, scales = _normalise(x, weight, bias, list(zip(*rows, strict=False)), momentum, eps)
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
