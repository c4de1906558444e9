"""Burst coding: a spike is worth twice the one a step before, so that large charges leave fast.

    g[t] = 2 g[t-1] if s[t-1] = 1 else 1
    h[t] = v[t-1] + x[t],   s[t] = 1 if h[t] >= g[t] theta else 0
    out[t] = g[t] theta s[t],   v[t] = h[t] - out[t]

A value is the mean over T. Park et al., "Fast and Efficient Information Transmission with Burst Spikes in
Deep Spiking Neural Networks", DAC 2019, arXiv:1809.03142, with the 0.4 of its published runs: theta is that
fraction of a layer's largest activation, which their weights are normalised by. What differs is in
`snnplug_codings.clocked`.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from snnplug.nn import saturate
from snnplug_codings.channels import channels_of
from snnplug_codings.clocked import ClockedCode
from snnplug_codings.scale import scale_of

__all__ = ["Burst", "BurstState"]


class BurstState(NamedTuple):
    """The membrane potential and the factor g of the next threshold, `[B, *]` each."""

    v: Tensor
    g: Tensor


class Burst(ClockedCode):
    """Burst coding: current `[T, B, C, *]` to spikes of value theta, 2 theta, 4 theta, ...

    Attributes:
        theta: threshold and value of the first spike of a burst, `[]` or `[C]`; its absolute value counts.

    Args:
        theta: before calibration.
        fraction: theta after calibration, of what the norm finds.
        growth: of threshold and value from spike to spike in a burst, at least 1; 1 is rate coding.
        norm: how calibration finds the largest activation: "percentile" or "max".
        percentile: of the positive potentials, for that norm.
        per_channel: a theta of its own for each channel.
        surrogate: a name in `snnplug.nn.SURROGATES`, of the potential in units of the threshold.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    norms = ("percentile", "max")

    def __init__(
        self,
        *,
        theta: Annotated[float, Gt(0)] = 0.4,
        fraction: Annotated[float, Gt(0)] = 0.4,
        growth: Annotated[float, Ge(1)] = 2.0,
        norm: Literal["percentile", "max"] = "percentile",
        percentile: Annotated[float, Interval(gt=0, le=100)] = 99.9,
        per_channel: bool = False,
        surrogate: str = "atan",
        alpha: Annotated[float, Gt(0)] | None = None,
    ) -> None:
        super().__init__(
            theta=theta,
            norm=norm,
            percentile=percentile,
            per_channel=per_channel,
            surrogate=surrogate,
            alpha=alpha,
        )
        self.fraction, self.growth = float(fraction), float(growth)

    def initial_state(self, x: Tensor) -> BurstState:
        """Return the state before any burst."""
        v = self.rest(x)
        return BurstState(v, torch.ones_like(v))

    def step(self, x: Tensor, state: BurstState) -> tuple[Tensor, BurstState]:
        """Charge, fire and reset once; shapes as in `SpikingNeuron.step`."""
        h = state.v + saturate(x, state.v.dtype)
        s, sent, v = self.fire(h, self.threshold(x) * state.g)
        return sent.to(x.dtype), BurstState(v, torch.where(s.detach() > 0, self.growth * state.g, 1.0))

    def start(self, samples: Tensor) -> None:
        """Set theta from potentials `[n, C, *]` that the same layer of an ANN has, by the norm."""
        self.materialize(channels_of(samples.shape), samples)
        largest = scale_of(samples, norm=self.norm, percentile=self.percentile, per_channel=self.per_channel)
        self.put(theta=self.fraction * largest)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"fraction={self.fraction}, growth={self.growth}, {super().extra_repr()}"
