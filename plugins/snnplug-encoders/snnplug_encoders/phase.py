"""Phase encoding: the bits of a value, one a step, the most significant first.

    q = floor(2^K value), at most 2^K - 1        K the period
    s[t] = bit K - 1 - k of q                    k = t mod K
    x[t] = 2^-(1 + k) s[t]

Weighted spikes: Kim et al., Neurocomputing 2018, doi:10.1016/j.neucom.2018.05.087. One period sums up
to the value, rounded down to K bits, so the mean current is value / K. A value of p / 255 with K = 8
is coded by the bits of p. With fewer steps than a period the lower bits are left out.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Interval
from torch import Generator, Tensor

from snnplug import Task
from snnplug.nn import Encoder
from snnplug_encoders.static import require_static

__all__ = ["Phase"]


class Phase(Encoder):
    """Values `[B, C, H, W]` in [0, 1] as their bits `[T, B, C, H, W]`, period after period.

    Args:
        task: shape of the values.
        steps: number of time steps T.
        period: number of bits K, 1 to 16.
        weighted: a spike carries its weight 2^-(1 + t mod K); otherwise all spikes are 1, and what
            reads them has to know the phase.

    Raises:
        ValueError: `steps` or `period` is out of its range.
        ContractError: the task has events.
    """

    def __init__(
        self,
        task: Task,
        *,
        steps: Annotated[int, Ge(1)] = 8,
        period: Annotated[int, Interval(ge=1, le=16)] = 8,
        weighted: bool = True,
    ) -> None:
        super().__init__(task, steps)
        require_static(task, "phase")
        self.period, self.weighted = period, weighted

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        """Encode; shapes as in `snnplug.nn.Encoder`."""
        levels = 2**self.period
        precise = values.to(torch.promote_types(values.dtype, torch.float32))
        q = (precise * levels).floor().clamp(0, levels - 1).int()
        phases = torch.arange(self.steps, device=values.device) % self.period
        phases = phases.reshape(-1, *[1] * values.ndim).int()
        spikes = ((q >> (self.period - 1 - phases)) & 1).to(values.dtype)
        return spikes * torch.exp2(-1.0 - phases).to(values.dtype) if self.weighted else spikes

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"steps={self.steps}, period={self.period}, weighted={self.weighted}"
