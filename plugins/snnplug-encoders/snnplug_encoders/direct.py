"""Direct encoding: the values are the current of the first layer, the same at every step.

    x[t] = (value - mean) / std        t = 0 .. T-1

Rueckauer et al., Frontiers in Neuroscience 2017, doi:10.3389/fnins.2017.00682 (analog input).
The result is a stride-0 expansion along T, so layers before the first neuron run once. Event
frames have a time axis already and are only normalised and put in time-first order.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Generator, Tensor

from snnplug import Task
from snnplug.nn import Encoder
from snnplug_encoders.static import time_first

__all__ = ["Direct"]


class Direct(Encoder):
    """Values `[B, C, H, W]` as a constant current `[T, B, C, H, W]`.

    Args:
        task: shape and normalisation of the values.
        steps: number of time steps T; None for 4, or of event data for the number that it has.
        normalise: subtract the task's mean and divide by its standard deviation, per channel.

    Raises:
        ValueError: `steps` is less than 1.
    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(
        self, task: Task, *, steps: Annotated[int, Ge(1)] | None = None, normalise: bool = True
    ) -> None:
        super().__init__(task, steps, usual=4)
        self.normalise = normalise
        channels = (-1, *[1] * (len(task.input_shape) - 1))
        mean, std = (torch.tensor(values).reshape(channels) for values in (task.mean, task.std))
        self.register_buffer("mean", mean if normalise and task.mean else None, persistent=False)
        self.register_buffer("std", std if normalise and task.std else None, persistent=False)

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        """Encode; shapes as in `snnplug.nn.Encoder`, or `[B, T, C, H, W]` for event data.

        Raises:
            ContractError: event data has another number of steps.
        """
        if self.mean is not None:
            values = values - self.mean.to(values.dtype)
        if self.std is not None:
            values = values / self.std.to(values.dtype)
        if not self.task.events:
            return values.expand(self.steps, *values.shape)
        return time_first(values, self.steps)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"steps={self.steps}, normalise={self.normalise}"
