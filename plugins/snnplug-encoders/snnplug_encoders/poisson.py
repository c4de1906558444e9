"""Poisson encoding: a random spike at each step, independent of all others.

    P(s[t] = 1) = rate * value         t = 0 .. T-1

The usual rate code (Diehl and Cook, 2015, doi:10.3389/fncom.2015.00099), in its discrete form:
one Bernoulli draw per value and step, so no more than one spike per step.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le
from torch import Generator, Tensor

from snnplug import Task
from snnplug.nn import Encoder
from snnplug_encoders.static import require_static

__all__ = ["Poisson"]


class Poisson(Encoder):
    """Values `[B, C, H, W]` in [0, 1] as random spikes `[T, B, C, H, W]`.

    Args:
        task: shape of the values.
        steps: number of time steps T.
        rate: probability of a spike per step at a value of 1, above 0 and at most 1.

    Raises:
        ValueError: `steps` or `rate` is out of its range.
        ContractError: the task has events.
    """

    def __init__(
        self, task: Task, *, steps: Annotated[int, Ge(1)] = 4, rate: Annotated[float, Gt(0), Le(1)] = 1.0
    ) -> None:
        super().__init__(task, steps)
        require_static(task, "poisson")
        self.rate = float(rate)

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        """Encode; shapes as in `snnplug.nn.Encoder`."""
        # drawn on the CPU in one type, so that the spikes depend on neither device nor type
        draws = torch.rand(self.steps, *values.shape, generator=generator, dtype=torch.float32)
        return (draws.to(values.device) < self.rate * values).to(values.dtype)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"steps={self.steps}, rate={self.rate}"
