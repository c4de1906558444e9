"""Time to first spike with the kernel of T2FSNN: one spike, worth the threshold that it passed.

    theta(t) = theta0 exp(-(t - t_d) / tau),   t = 0, 1, ..., S - 1
    t_f = first t with v >= theta(t)           none: no spike
    d(v) = theta(t_f)

Park et al., "T2FSNN: Deep Spiking Neural Networks with Time-to-first-spike Coding", DAC 2020,
arXiv:2003.11741, with its theta0 = 1, tau = 20, t_d = 0 and a window of 80 steps; tau and t_d are those of a
layer. What differs: theta0 takes the place of its data normalisation, so the receiver weighs a spike by
theta0 exp(-(t - t_d) / tau). The spike comes when it is nearer to the potential than a later one
("midpoints"); "paper" waits for the threshold, as published. Windows of successive layers do not overlap (no
early firing).
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from snnplug.nn import Code, midpoints
from snnplug_codings.channels import ChannelWindow, channels_of
from snnplug_codings.kernel_fit import Kernel, fit_by_losses, fit_by_squares
from snnplug_codings.scale import percentile_of, rows_of

__all__ = ["T2FSNN"]


class T2FSNN(ChannelWindow):
    """Time to first spike with a kernel for each layer: at most one spike a window.

    Attributes:
        theta: theta0, `[]` or `[C]`; its absolute value counts.
        tau: time constant in time steps, `[]` or `[C]`; its absolute value counts.
        delay: t_d in time steps, `[]` or `[C]`.

    Args:
        slots: time steps S of a window.
        theta, tau, delay: before calibration.
        fit: how calibration sets the kernel: "go", the paper's local losses, theta0 being the percentile, or
            "least_squares"; see `snnplug_codings.kernel_fit`.
        percentile: of the positive potentials.
        thresholds: "midpoints" sends the nearest value, "paper" the next lower.
        per_channel: a kernel of its own for each channel.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    theta: Tensor
    tau: Tensor
    delay: Tensor
    sends: Tensor

    def __init__(
        self,
        *,
        slots: Annotated[int, Ge(1)] = 80,
        theta: Annotated[float, Gt(0)] = 1.0,
        tau: Annotated[float, Gt(0)] = 20.0,
        delay: float = 0.0,
        fit: Literal["go", "least_squares"] = "go",
        percentile: Annotated[float, Interval(gt=0, le=100)] = 99.9,
        thresholds: Literal["midpoints", "paper"] = "midpoints",
        per_channel: bool = False,
    ) -> None:
        super().__init__(slots=slots)
        if not abs(delay) < slots:
            raise ValueError(f"delay must be less than the window of {slots} time steps, got {delay}")
        self.fit, self.percentile, self.thresholds = fit, float(percentile), thresholds
        self.corrects = thresholds == "midpoints"
        last_first = torch.eye(slots).flip(0)  # the more a potential, the sooner its spike
        silence = torch.zeros(1, slots)
        self.register_buffer("sends", torch.cat([silence, last_first]), persistent=False)
        self.declare(per_channel=per_channel, theta=theta, tau=tau, delay=delay)

    def kernel(self) -> Tensor:
        """Return the threshold at each slot, `[..., S]`."""
        t = torch.arange(self.slots, dtype=self.theta.dtype, device=self.theta.device)
        theta, tau, delay = (one.unsqueeze(-1) for one in (self.theta.abs(), self.tau.abs(), self.delay))
        return theta * torch.exp(-(t - delay) / tau)

    def code(self) -> Code:
        """Return the table of the present kernel."""
        kernel = self.kernel()
        values = kernel.unsqueeze(-2) * self.sends
        levels = values.detach().sum(-1)
        return Code(midpoints(levels) if self.thresholds == "midpoints" else levels[..., 1:], values)

    def start(self, samples: Tensor) -> None:
        """Set the kernel from potentials `[n, C, *]`."""
        self.materialize(channels_of(samples.shape), samples)
        rows = rows_of(samples.detach(), per_channel=self.per_channel).double()
        if self.fit == "go":
            scale = percentile_of(rows, self.percentile)
            scale = torch.where(scale > 0, scale, 1.0)
            begin = Kernel(scale, *(torch.full_like(scale, self.starts[name]) for name in ("tau", "delay")))
            found = fit_by_losses(rows, begin, self.slots)
        else:
            found = fit_by_squares(rows, self.slots, half=self.thresholds == "midpoints")
        self.put(**{name: value.view(self.theta.shape) for name, value in found._asdict().items()})

    def extra_repr(self) -> str:
        """Show the settings."""
        return (
            f"{super().extra_repr()}, fit={self.fit!r}, percentile={self.percentile}, "
            f"thresholds={self.thresholds!r}, per_channel={self.per_channel}"
        )
