"""Burst encoding: spikes that grow while they follow each other.

    g[t] = beta g[t-1] where it spiked at t-1, else 1        g[0] = 1
    h[t] = v[t-1] + value
    x[t] = g[t] threshold where h[t] >= g[t] threshold, else 0
    v[t] = h[t] - x[t]

Park et al., "Fast and Efficient Information Transmission with Burst Spikes in Deep Spiking Neural
Networks", DAC 2019, arXiv:1809.03142, with beta = 2 and the threshold 1/8 of its input layer. There it
is the code of a neuron; here that neuron is driven by the value as a constant current. A spike carries
its size, so what has been sent after T steps falls short of T times the value by what is still in v.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor

from snnplug import Task
from snnplug.nn import Encoder
from snnplug_encoders.static import require_static

__all__ = ["Burst"]


class Burst(Encoder):
    """Values `[B, C, H, W]` in [0, 1] as bursts of graded spikes `[T, B, C, H, W]`.

    Args:
        task: shape of the values.
        steps: number of time steps T.
        threshold: size of the first spike of a burst, and the threshold for it; above 0.
        beta: by what a spike is larger than the one before it in a burst, at least 1.

    Raises:
        ValueError: `steps`, `threshold` or `beta` is out of its range.
        ContractError: the task has events.
    """

    def __init__(
        self,
        task: Task,
        *,
        steps: Annotated[int, Ge(1)] = 8,
        threshold: Annotated[float, Gt(0)] = 0.125,
        beta: Annotated[float, Ge(1)] = 2.0,
    ) -> None:
        super().__init__(task, steps)
        require_static(task, "burst")
        self.threshold, self.beta = float(threshold), float(beta)

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        """Encode; shapes as in `snnplug.nn.Encoder`."""
        current = values.to(torch.promote_types(values.dtype, torch.float32))
        v, size, sent = torch.zeros_like(current), torch.full_like(current, self.threshold), []
        for _ in range(self.steps):
            h = v + current
            fires = h >= size
            sent.append(torch.where(fires, size, 0))
            v = h - sent[-1]
            size = torch.where(fires, size * self.beta, self.threshold)
        return torch.stack(sent).to(values.dtype)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"steps={self.steps}, threshold={self.threshold}, beta={self.beta}"
