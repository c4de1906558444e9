"""The k-based leaky integrate-and-fire neuron: a LIF whose potential passes a learned scale and a ReLU.

    c[t] = v[t-1] + (x[t] - (v[t-1] - v_rest)) / tau      decay_input = true
           v[t-1] - (v[t-1] - v_rest) / tau + x[t]        decay_input = false
    h[t] = relu(k c[t]),   k a learned scalar of the layer, 1 at the start
    s[t] = 1 if h[t] >= threshold else 0

then the reset of h; with `scale_reset` that of h / k, where a soft one subtracts threshold / k.
v_rest is `reset_value`.

Jiang and Zhang, "KLIF: An optimized spiking neuron unit for tuning surrogate gradient slope and
membrane potential", 2023, arXiv:2302.09238. The choices of input decay, reset and scaled reset are
those of SpikingJelly; as in snnplug's other neurons, the surrogate is atan and the reset detached.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor, nn

from snnplug.nn import (
    IntegrateAndFire,
    MembraneState,
    Reset,
    join_steps,
    reset_membrane,
    saturate,
    spike,
)

__all__ = ["KLIF"]


class KLIF(IntegrateAndFire):
    """K-based leaky integrate-and-fire neuron: current `[T, B, *]` to spikes `[T, B, *]`.

    Attributes:
        k: the learned scale, a scalar.

    Args:
        tau: membrane time constant in time steps, above 1.
        scale_reset: divide the potential by k again before the reset.
        threshold: fires at a scaled membrane potential of this or more.
        reset: "hard" (to `reset_value`), "soft" (down by the threshold) or "none".
        reset_value: where a hard reset leads, and the potential at rest.
        decay_input: divide the current by `tau` as well.
        detach_reset: let no gradient pass through the spike inside the reset.
        surrogate: a name in `snnplug.nn.SURROGATES`.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: the surrogate is unknown.
    """

    def __init__(
        self,
        *,
        tau: Annotated[float, Gt(1)] = 2.0,
        scale_reset: bool = False,
        threshold: Annotated[float, Gt(0)] = 1.0,
        reset: Reset = "hard",
        reset_value: float = 0.0,
        decay_input: bool = True,
        detach_reset: bool = True,
        surrogate: str = "atan",
        alpha: Annotated[float, Gt(0)] | None = None,
    ) -> None:
        super().__init__(
            threshold=threshold,
            reset=reset,
            reset_value=reset_value,
            detach_reset=detach_reset,
            surrogate=surrogate,
            alpha=alpha,
        )
        self.tau, self.scale_reset, self.decay_input = float(tau), scale_reset, decay_input
        self.k = nn.Parameter(torch.tensor(1.0))

    def charge(self, x: Tensor, v: Tensor) -> Tensor:
        """Leak towards rest, add the current, scale and cut below 0."""
        above = v - self.reset_value if self.reset_value else v
        charged = v + (x - above) / self.tau if self.decay_input else v - above / self.tau + x
        return torch.relu(self.k * charged)

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Charge, fire and reset once; shapes as in `SpikingNeuron.step`."""
        s, state = self._advance(saturate(x, state.v.dtype), state)
        return s.to(x.dtype), state

    def sequence(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Do the same for each step of `[T, B, *]`."""
        spikes = []
        for current in saturate(x, state.v.dtype).unbind(0):
            s, state = self._advance(current, state)
            spikes.append(s)
        return join_steps(spikes).to(x.dtype), state

    def _advance(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        if not self.scale_reset:
            return super().step(x, state)
        h = self.charge(x, state.v)
        s = spike(h - self.threshold, self.surrogate, self.alpha)
        inside = s.detach() if self.detach_reset else s
        v = reset_membrane(h / self.k, inside, self.reset, self.threshold / self.k, self.reset_value)
        return s, MembraneState(v)

    def extra_repr(self) -> str:
        """Show the settings."""
        return (
            f"k={self.k.item():.4g}, tau={self.tau}, decay_input={self.decay_input}, "
            f"scale_reset={self.scale_reset}, {super().extra_repr()}"
        )
