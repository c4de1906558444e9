"""Window codes of equally spaced values: whole numbers, as patterns of spikes, times a trained unit.

    n = floor(v / u + 1/2) or floor(v / u), between 0 and N - 1,   u = theta / levels
    x[r] = u pattern[n, r],   sum_r pattern[n, r] = n
    d(v) = u n

Rate coding counts n, few-spikes coding writes its binary digits.
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Gt, Interval
from torch import Tensor

from snnplug.nn import Code, midpoints
from snnplug_codings.channels import ChannelWindow, channels_of
from snnplug_codings.checks import check_choice
from snnplug_codings.scale import NORMS, Norm, scale_of

__all__ = ["Thresholds", "UniformCode"]

Thresholds = Literal["midpoints", "paper", "strict"]


class UniformCode(ChannelWindow):
    """Base of window codes of equally spaced values.

    Attributes:
        theta: what `levels` units are, `[]` or `[C]`; its absolute value counts.
        pattern: units that are sent in each of N cases at each of R entries, `[N, R]`.

    Args:
        pattern: see above.
        levels: units in theta.
        theta: before calibration.
        norm: how calibration sets it.
        percentile: of the positive potentials, for that norm.
        thresholds: "midpoints", "paper" or "strict".
        per_channel: a theta of its own for each channel.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    theta: Tensor
    pattern: Tensor

    def __init__(
        self,
        pattern: Tensor,
        *,
        levels: int,
        theta: Annotated[float, Gt(0)],
        norm: Norm,
        percentile: Annotated[float, Interval(gt=0, le=100)],
        thresholds: Thresholds,
        per_channel: bool,
    ) -> None:
        super().__init__(slots=pattern.shape[1])
        check_choice("norm", norm, NORMS)
        self.units, self.norm, self.percentile = levels, norm, float(percentile)
        self.thresholds = thresholds
        self.corrects = thresholds == "midpoints"
        self.register_buffer("pattern", pattern, persistent=False)
        self.declare(per_channel=per_channel, theta=theta)

    def code(self) -> Code:
        """Return the table of the present theta."""
        values = (self.theta.abs() / self.units).view(*self.theta.shape, 1, 1) * self.pattern
        levels = values.detach().sum(-1)
        if self.thresholds == "midpoints":
            return Code(midpoints(levels), values)
        edges = levels[..., 1:]
        if self.thresholds == "strict":  # above a level, by as little as there is
            edges = edges.nextafter(edges.new_tensor(float("inf")))
        return Code(edges, values)

    def start(self, samples: Tensor) -> None:
        """Set theta from potentials `[n, C, *]` by the norm."""
        self.materialize(channels_of(samples.shape), samples)
        theta = scale_of(
            samples,
            norm=self.norm,
            percentile=self.percentile,
            per_channel=self.per_channel,
            levels=self.units,
            top=len(self.pattern) - 1,
            half=self.thresholds == "midpoints",
        )
        self.put(theta=theta)

    def extra_repr(self) -> str:
        """Show the settings."""
        return (
            f"{super().extra_repr()}, norm={self.norm!r}, percentile={self.percentile}, "
            f"thresholds={self.thresholds!r}, per_channel={self.per_channel}"
        )
