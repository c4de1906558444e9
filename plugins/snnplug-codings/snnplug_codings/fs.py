"""Few spikes (FS): the binary digits of a potential, the most significant first.

    T(i) = h(i) = d(i) = alpha 2^-i,   i = 1, ..., K
    z(i) = 1 if v > T(i) else 0,   v <- v - h(i) z(i),   x(i) = d(i) z(i)

The rectifying set of Stöckl and Maass, Nature Machine Intelligence 2021, doi:10.1038/s42256-021-00311-4, with
its alpha = 25 and K = 10; a layer waits K steps for the one before. alpha is `theta` here, as in the other
codes. What differs: the nearest value is sent ("midpoints"); "paper" cuts down, as the published fast path
does, floor(clip(v) 2^K / alpha) alpha / 2^K; "strict" is the published loop, whose ">" loses one least digit
where v is exactly a level. A window of weighted spikes (phase coding, Kim et al. 2018) is this code with
K = 8.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt, Interval

from snnplug_codings.scale import Norm
from snnplug_codings.uniform import Thresholds, UniformCode

__all__ = ["FS"]


class FS(UniformCode):
    """Few-spikes neuron: at most K spikes a window, each half of the one before.

    Attributes:
        theta: alpha, twice the first spike, `[]` or `[C]`; its absolute value counts. The greatest value
            sent is alpha (1 - 2^-K).

    Args:
        steps: K, time steps of a window; 1 to 16.
        theta: alpha before calibration.
        norm: how calibration sets it: "percentile", "max" or "mse"; see `snnplug_codings.scale`.
        percentile: of the positive potentials, for that norm.
        thresholds: "midpoints" sends the nearest value, "paper" the next lower, "strict" the next lower that
            is less than the potential.
        per_channel: a theta of its own for each channel.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    def __init__(
        self,
        *,
        steps: Annotated[int, Interval(ge=1, le=16)] = 10,
        theta: Annotated[float, Gt(0)] = 25.0,
        norm: Norm = "max",
        percentile: Annotated[float, Interval(gt=0, le=100)] = 99.9,
        thresholds: Thresholds = "midpoints",
        per_channel: bool = False,
    ) -> None:
        digit = 2 ** torch.arange(steps - 1, -1, -1)
        super().__init__(
            (torch.arange(2**steps).unsqueeze(-1) & digit).float(),
            levels=2**steps,
            theta=theta,
            norm=norm,
            percentile=percentile,
            thresholds=thresholds,
            per_channel=per_channel,
        )
