"""SNN Calibration: rate coding with searched thresholds, its layers corrected one after the other.

    h[t] = v[t-1] + x[t] + b + theta / 2T,   s[t] = 1 if h[t] >= theta else 0
    out[t] = theta s[t],   v[t] = h[t] - out[t]

    none       theta = the greatest potential
    light      theta by search; b = mean(ANN) - mean(SNN) of each channel, what the layer sends
    advanced   theta by search; v[0] = T (mean(ANN) - mean(SNN)) of each place

theta is the one of max (1 - 0.01 i), i = 0, ..., 94, whose values floor(T x / theta) theta / T between 0 and
theta are nearest to the ReLU, over batches as a moving average of weight 0.9. Li et al., "A Free Lunch From
ANN", ICML 2021, arXiv:2106.06984, and its published code, whose script for CIFAR corrects no more than this;
the tuning of weights is not here. What differs: the batches are equal parts of the samples, and what is in
`snnplug_codings.clocked`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn import MembraneState, saturate
from snnplug_codings.channels import along
from snnplug_codings.rate import Rate
from snnplug_codings.scale import scale_of

__all__ = ["SNNCalibration"]

_KEPT = 0.9  # of the moving average, for each batch
_BATCHES = 8


class SNNCalibration(Rate):
    """Calibrated rate coding: current `[T, B, C, *]` to spikes of value theta.

    Attributes:
        theta: threshold and value of a spike, `[]` or `[C]`; its absolute value counts.
        correction: what corrects the layer: in each step a current `[C]` ("light"), or before the first one a
            potential `[C, *]` ("advanced").

    Args:
        mode: "none", "light" or "advanced".
        steps: time steps T that thresholds and shift are for.
        theta: before calibration.
        per_channel: a theta of its own for each channel.
        surrogate: a name in `snnplug.nn.SURROGATES`, of the potential in units of the threshold.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    sequential: ClassVar[bool] = True

    def __init__(
        self,
        *,
        mode: Literal["none", "light", "advanced"] = "light",
        steps: Annotated[int, Ge(1)] = 32,
        theta: Annotated[float, Gt(0)] = 1.0,
        per_channel: bool = False,
        surrogate: str = "atan",
        alpha: Annotated[float, Gt(0)] | None = None,
    ) -> None:
        super().__init__(
            theta=theta,
            initial="zero",
            norm="max" if mode == "none" else "mse",
            steps=steps,
            per_channel=per_channel,
            surrogate=surrogate,
            alpha=alpha,
        )
        self.mode = mode
        self.whole_samples = mode == "advanced"
        if mode != "none":
            self.correction = nn.UninitializedParameter()

    def initial_state(self, x: Tensor) -> MembraneState:
        """Return the state with nothing on the membranes, or what corrects the layer.

        Raises:
            ContractError: the correction is for another shape.
        """
        v = self.rest(x)
        if self.mode == "none":
            return MembraneState(v)
        shape = x.shape[1:] if self.mode == "advanced" else x.shape[1:2]
        if isinstance(self.correction, nn.UninitializedParameter):
            with torch.no_grad():
                self.correction.materialize(shape, device=x.device, dtype=v.dtype)
                self.correction.zero_()
        if self.correction.shape != shape:
            raise ContractError(
                f"SNNCalibration has a correction for {list(self.correction.shape)}, but its current "
                f"[B, C, ...] is {list(x.shape)}; calibrate it with inputs of that size, or "
                "use mode = 'light', which needs only as many channels"
            )
        return MembraneState(v + self.correction if self.mode == "advanced" else v)

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Charge, fire and reset once; shapes as in `SpikingNeuron.step`."""
        theta = self.threshold(x)
        h = state.v + saturate(x, state.v.dtype) + theta / (2 * self.steps)
        if self.mode == "light":
            h = h + along(self.correction, x)
        _, sent, v = self.fire(h, theta)
        return sent.to(x.dtype), MembraneState(v)

    def start(self, samples: Tensor, received: Tensor | None = None) -> None:
        """Set theta, and what corrects the layer.

        Args:
            samples: potentials `[n, C, *]` that the same layer of an ANN has.
            received: currents `[T, n, C, *]` of the layer in the spiking network as calibrated so far; None
                for the first layer, whose current is the ANN's potential in every step.

        Raises:
            ContractError: places differ between the two.
        """
        if received is None:
            received = samples.expand(self.steps, *samples.shape)
        if samples.shape[1:] != received.shape[2:]:
            raise ContractError(
                f"samples [n, C, ...] {list(samples.shape)} and currents [T, n, C, ...] "
                f"{list(received.shape)} are not of the same layer"
            )
        self.initial_state(received[0])
        self.put(theta=self._averaged(samples))
        if self.mode == "none":
            return
        with torch.no_grad():
            self.correction.zero_()
            missing = samples.relu().mean(0) - self(received).mean((0, 1))
            if self.mode == "light":
                self.correction.copy_(missing.flatten(1).mean(1) if missing.ndim > 1 else missing)
            else:
                self.correction.copy_(self.steps * missing)

    def _averaged(self, samples: Tensor) -> Tensor:
        """Return the scale as a moving average over parts of the samples; the greatest is that of all."""
        parts = [samples] if self.mode == "none" else samples.chunk(_BATCHES)
        scales = [
            scale_of(part, norm=self.norm, percentile=100, per_channel=self.per_channel, levels=self.steps)
            for part in parts
        ]
        average = scales[0]
        for scale in scales[1:]:
            average = _KEPT * average + (1 - _KEPT) * scale
        return average

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"mode={self.mode!r}, steps={self.steps}, per_channel={self.per_channel}"
