"""Delta encoding: events where a signal changes by a threshold or more.

    d[t] = x[t] - a[t]
    ON event where d[t] >= threshold, OFF event where d[t] <= -threshold

    reference = "level"      a[t] = threshold (ON events - OFF events so far): what the events say
    reference = "previous"   a[t] = x[t-1]

"level" is delta modulation, as in an event camera (Lichtsteiner et al., IEEE JSSC 2008,
doi:10.1109/JSSC.2007.914337), with one event a step at most: a step of many thresholds becomes a row of
events, and a slow drift is not lost. "previous" is the code of snnTorch (Eshraghian et al., Proceedings
of the IEEE 2023, arXiv:2109.12894).

The signal is the data's own time axis, or, for static values, an image that appears at the first step
and stays: x[-1] = 0 and x[t] = value. With "level" it is sent as floor(value / threshold) ON events, one
a step from the first on.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor

from snnplug import Task
from snnplug.nn import Encoder
from snnplug_encoders.static import time_first

__all__ = ["Delta"]


class Delta(Encoder):
    """Values `[B, C, H, W]` or series `[B, T, C, H, W]` in [0, 1] as events `[T, B, C', H, W]`.

    Args:
        task: shape of the values.
        steps: number of time steps T; None for 8, or of data with a time axis for the number that it has.
        threshold: change that makes an event; above 0.
        reference: what a step is compared with: the "level" that the events add up to, or the
            "previous" step.
        off: OFF events as "channels" of their own behind the ON channels (C' = 2 C), as "negative"
            spikes, or "none".

    Raises:
        ValueError: `steps` or `threshold` is out of its range.
    """

    def __init__(
        self,
        task: Task,
        *,
        steps: Annotated[int, Ge(1)] | None = None,
        threshold: Annotated[float, Gt(0)] = 0.125,
        reference: Literal["level", "previous"] = "level",
        off: Literal["channels", "negative", "none"] = "channels",
    ) -> None:
        super().__init__(task, steps, usual=8)
        self.threshold, self.reference, self.off = float(threshold), reference, off

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one input at one step: twice the channels where OFF events have their own."""
        channels, *rest = self.task.input_shape
        return (channels * (2 if self.off == "channels" else 1), *rest)

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        """Encode; shapes as in `snnplug.nn.Encoder`, or `[B, T, C, H, W]` for data with a time axis.

        Raises:
            ContractError: the data has another number of steps.
        """
        if self.task.events:
            series = time_first(values, self.steps)
        else:
            series = values.expand(self.steps, *values.shape)
        events = self.level(series) if self.reference == "level" else self.previous(series)
        on, off = ((sign * events > 0).to(values.dtype) for sign in (1, -1))
        if self.off == "channels":
            return torch.cat([on, off], dim=2)
        return on - off if self.off == "negative" else on

    def level(self, series: Tensor) -> Tensor:
        """Return 1, 0 and -1 `[T, B, C, H, W]` by distance from what was sent."""
        sent, events = torch.zeros_like(series[0]), []
        for x in series:
            events.append(self.sign(x - sent * self.threshold))
            sent = sent + events[-1]
        return torch.stack(events)

    def previous(self, series: Tensor) -> Tensor:
        """Return 1, 0 and -1 `[T, B, C, H, W]` by distance from the step before, black before the first."""
        before = torch.cat([torch.zeros_like(series[:1]), series[:-1]])
        return self.sign(series - before)

    def sign(self, change: Tensor) -> Tensor:
        """Return 1 for a rise by the threshold or more, -1 for a fall, else 0."""
        return (change >= self.threshold).to(change.dtype) - (change <= -self.threshold).to(change.dtype)

    def extra_repr(self) -> str:
        """Show the settings."""
        return (
            f"steps={self.steps}, threshold={self.threshold}, reference={self.reference!r}, off={self.off!r}"
        )
