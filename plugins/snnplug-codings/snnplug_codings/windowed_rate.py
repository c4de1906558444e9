"""Rate coding in a window: the potential of a window as a number of equal spikes.

    n = floor(T v / theta + 1/2) or floor(T v / theta), between 0 and T
    x[t] = theta / T for t < n, else 0
    d(v) = n theta / T

What an integrate-and-fire neuron with a soft reset sends for a constant current, all of it known before the
first spike. Rueckauer et al., Frontiers in Neuroscience 2017, doi:10.3389/fnins.2017.00682. What differs:
there a neuron fires while its current still arrives (`rate`); here it waits for the window and rounds to the
nearest count ("midpoints"), where the paper cuts ("paper").
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Interval

from snnplug_codings.scale import Norm
from snnplug_codings.uniform import UniformCode

__all__ = ["WindowedRate"]


class WindowedRate(UniformCode):
    """Rate coding in a window: at most T equal spikes.

    Attributes:
        theta: the greatest value, `[]` or `[C]`; its absolute value counts.

    Args:
        steps: time steps T of a window, each for one spike.
        theta: before calibration.
        norm: how calibration sets it: "percentile", "max" or "mse"; see `snnplug_codings.scale`.
        percentile: of the positive potentials, for that norm.
        thresholds: "midpoints" sends the nearest count, "paper" the next lower.
        per_channel: a theta of its own for each channel.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    def __init__(
        self,
        *,
        steps: Annotated[int, Ge(1)] = 32,
        theta: Annotated[float, Gt(0)] = 1.0,
        norm: Norm = "percentile",
        percentile: Annotated[float, Interval(gt=0, le=100)] = 99.9,
        thresholds: Literal["midpoints", "paper"] = "midpoints",
        per_channel: bool = False,
    ) -> None:
        super().__init__(
            torch.ones(steps + 1, steps).tril(-1),
            levels=steps,
            theta=theta,
            norm=norm,
            percentile=percentile,
            thresholds=thresholds,
            per_channel=per_channel,
        )
