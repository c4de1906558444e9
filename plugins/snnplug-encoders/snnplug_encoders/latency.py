"""Latency encoding: one spike a value, the earlier the larger the value.

    linear   t = tau (1 - value)                             usual tau: T - 1
    log      t = tau ln(value / (value - threshold))         usual tau: (T - 1) / ln 2

rounded to a whole step, at most T-1. A value below the threshold never spikes. The logarithmic
code is the time at which an RC membrane with time constant tau, charged by a constant current
of that value, reaches the threshold; with the usual tau a value of twice the threshold spikes
at the last step. Both are the codes of snnTorch (Eshraghian et al., Proceedings of the IEEE 2023,
arXiv:2109.12894). Its normalisation of the logarithmic code by the slowest value of the batch is
left out, since a sample's spikes would depend on the other samples.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Interval
from torch import Generator, Tensor

from snnplug import Task
from snnplug.nn import Encoder
from snnplug_encoders.static import require_static

__all__ = ["Latency"]


class Latency(Encoder):
    """Values `[B, C, H, W]` in [0, 1] as first-spike times `[T, B, C, H, W]`.

    Args:
        task: shape of the values.
        steps: number of time steps T.
        code: "linear" or "log".
        tau: time constant in time steps; None for the usual one of the code.
        threshold: values below it never spike; in [0, 1), and above 0 for the logarithmic code.

    Raises:
        ValueError: `steps`, `tau` or `threshold` is out of its range.
        ContractError: the task has events.
    """

    def __init__(
        self,
        task: Task,
        *,
        steps: Annotated[int, Ge(1)] = 4,
        code: Literal["linear", "log"] = "linear",
        tau: Annotated[float, Gt(0)] | None = None,
        threshold: Annotated[float, Interval(ge=0, lt=1)] = 0.01,
    ) -> None:
        super().__init__(task, steps)
        require_static(task, "latency")
        if code == "log" and threshold == 0:
            raise ValueError("threshold must be above 0 for the logarithmic code, got 0")
        usual = (steps - 1) / (math.log(2) if code == "log" else 1)
        self.code, self.threshold = code, float(threshold)
        self.tau = usual if tau is None else float(tau)

    def times(self, values: Tensor) -> Tensor:
        """Return the step of each value's spike, whole numbers 0..T-1; the shape is that of `values`."""
        if self.code == "linear":
            times = self.tau * (1 - values)
        else:
            exact = values.double()  # after rounding every device has the same
            # at the threshold the time is infinite, and the last step is taken
            times = self.tau * torch.log(exact / (exact - self.threshold).clamp(min=0))
        return times.round().clamp(0, self.steps - 1).nan_to_num(0).long()

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        """Encode; shapes as in `snnplug.nn.Encoder`."""
        fires = (values >= self.threshold).to(values.dtype)
        spikes = values.new_zeros(self.steps, *values.shape)
        return spikes.scatter(0, self.times(values).unsqueeze(0), fires.unsqueeze(0))

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"steps={self.steps}, code={self.code!r}, tau={self.tau:.4g}, threshold={self.threshold}"
