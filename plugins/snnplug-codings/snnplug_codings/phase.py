"""Phase coding by weighted spikes: a spike is worth half as much in each step of a period, then all again.

    Pi(t) = 2^-(1 + t mod K)
    h[t] = v[t-1] + x[t],   s[t] = 1 if h[t] >= theta Pi(t) else 0
    out[t] = theta Pi(t) s[t],   v[t] = h[t] - out[t]

One period of K steps sends the K binary digits of the charge, so a value is the sum over a period, and biases
are added once a period, at its first step (`bias_every` = K). The input has to be a period's too: the encoder
`phase`, or an image divided by K in every step. Latencies are multiples of K.

Kim et al., Neurocomputing 2018, doi:10.1016/j.neucom.2018.05.087, with its K = 8. What differs is in
`snnplug_codings.clocked`.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from annotated_types import Gt, Interval
from torch import Tensor

from snnplug.nn import saturate
from snnplug_codings.channels import channels_of
from snnplug_codings.clocked import ClockedCode
from snnplug_codings.scale import Norm, scale_of

__all__ = ["Phase", "PhaseState"]


class PhaseState(NamedTuple):
    """The membrane potential `[B, *]`, and how many steps there were, a whole number `[]`."""

    v: Tensor
    t: Tensor


class Phase(ClockedCode):
    """Phase coding: current `[T, B, C, *]` to spikes of value theta 2^-(1 + t mod K).

    Attributes:
        theta: twice the first spike of a period, `[]` or `[C]`; its absolute value counts. A period sends at
            most theta (1 - 2^-K).

    Args:
        period: time steps K of a period; 1 to 16.
        theta: before calibration.
        norm: how calibration sets theta: "percentile", "max" or "mse"; see `snnplug_codings.scale`.
        percentile: of the positive potentials, for that norm.
        per_channel: a theta of its own for each channel.
        surrogate: a name in `snnplug.nn.SURROGATES`, of the potential in units of the threshold.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    def __init__(
        self,
        *,
        period: Annotated[int, Interval(ge=1, le=16)] = 8,
        theta: Annotated[float, Gt(0)] = 1.0,
        norm: Norm = "percentile",
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
        self.period = period
        self.bias_every = period  # type: ignore[misc]

    def initial_state(self, x: Tensor) -> PhaseState:
        """Return the state before the first step of a period."""
        return PhaseState(self.rest(x), torch.zeros((), dtype=torch.long, device=x.device))

    def step(self, x: Tensor, state: PhaseState) -> tuple[Tensor, PhaseState]:
        """Charge, fire and reset once; shapes as in `SpikingNeuron.step`."""
        theta = self.threshold(x)
        weight = torch.exp2(-1.0 - (state.t % self.period).to(theta.dtype))
        _, sent, v = self.fire(state.v + saturate(x, state.v.dtype), theta * weight)
        return sent.to(x.dtype), PhaseState(v, state.t + 1)

    def start(self, samples: Tensor) -> None:
        """Set theta from potentials `[n, C, *]` that the same layer of an ANN has, by the norm."""
        self.materialize(channels_of(samples.shape), samples)
        theta = scale_of(
            samples,
            norm=self.norm,
            percentile=self.percentile,
            per_channel=self.per_channel,
            levels=2**self.period,
            top=2**self.period - 1,
        )
        self.put(theta=theta)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"period={self.period}, {super().extra_repr()}"
