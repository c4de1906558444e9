"""Rate coding: integrate and fire with a soft reset, step by step; a value is the mean over T.

    h[t] = v[t-1] + x[t],   s[t] = 1 if h[t] >= theta else 0,   v[t] = h[t] - theta s[t]
    out[t] = theta s[t]
    v[0] = theta / 2 or 0

For a constant current x the mean is theta clip(floor(T x / theta + v[0] / theta), 0, T) / T. Rueckauer et
al., Frontiers in Neuroscience 2017, doi:10.3389/fnins.2017.00682, which starts at 0; half a threshold rounds
instead of cutting (Bu et al., ICLR 2022, arXiv:2303.04347). What differs is in `snnplug_codings.clocked`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval
from torch import Tensor

from snnplug.nn import MembraneState, saturate
from snnplug_codings.channels import channels_of
from snnplug_codings.clocked import ClockedCode
from snnplug_codings.scale import Norm, scale_of

__all__ = ["Rate"]


class Rate(ClockedCode):
    """Rate coding: current `[T, B, C, *]` to spikes of value theta, at most one a time step.

    Attributes:
        theta: threshold and value of a spike, `[]` or `[C]`; its absolute value counts.

    Args:
        theta: before calibration.
        initial: membrane potential at the start: "half" of theta, or "zero" as in the paper.
        norm: how calibration sets theta: "percentile", "max" or "mse"; see `snnplug_codings.scale`.
        percentile: of the positive potentials, for that norm.
        steps: time steps T that the norm "mse" counts on; the neuron takes any number.
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
        theta: Annotated[float, Gt(0)] = 1.0,
        initial: Literal["half", "zero"] = "half",
        norm: Norm = "percentile",
        percentile: Annotated[float, Interval(gt=0, le=100)] = 99.9,
        steps: Annotated[int, Ge(1)] = 32,
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
        self.initial, self.steps = initial, steps

    def initial_state(self, x: Tensor) -> MembraneState:
        """Return the state with half the threshold, or nothing, on every membrane."""
        v = self.rest(x)
        return MembraneState(v + self.threshold(x).to(v.dtype) / 2 if self.initial == "half" else v)

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Charge, fire and reset once; shapes as in `SpikingNeuron.step`."""
        _, sent, v = self.fire(state.v + saturate(x, state.v.dtype), self.threshold(x))
        return sent.to(x.dtype), MembraneState(v)

    def start(self, samples: Tensor) -> None:
        """Set theta from potentials `[n, C, *]` that the same layer of an ANN has, by the norm."""
        self.materialize(channels_of(samples.shape), samples)
        theta = scale_of(
            samples,
            norm=self.norm,
            percentile=self.percentile,
            per_channel=self.per_channel,
            levels=self.steps,
            half=self.initial == "half",
        )
        self.put(theta=theta)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"initial={self.initial!r}, {super().extra_repr()}"
