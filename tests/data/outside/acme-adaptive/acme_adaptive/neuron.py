"""Leaky integrate-and-fire neuron whose threshold rises with its own spikes.

    v[t] = leak v[t-1] + x[t]
    s[t] = 1 where v[t] >= b[t] = threshold + adaptation a[t-1], else 0
    v[t] = v[t] - b[t] s[t],  a[t] = memory a[t-1] + s[t]

Bellec et al., NeurIPS 2018, arXiv:1803.09574; here `a` counts spikes, and the reset is soft.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from snnplug.nn import SpikingNeuron, spike
from torch import Tensor

__all__ = ["AdaptiveLif", "AdaptiveState"]


class AdaptiveState(NamedTuple):
    """Membrane potential, and the faded number of the neuron's own spikes."""

    v: Tensor
    a: Tensor


class AdaptiveLif(SpikingNeuron):
    """Leaky integrate-and-fire neuron with an adaptive threshold: current `[T, B, *]` to spikes `[T, B, *]`.

    Args:
        leak: share of the membrane potential that stays after a time step, from 0 to 1.
        memory: share of the adaptation that stays after a time step, from 0 to 1.
        threshold: fires at a membrane potential of this or more, at rest.
        adaptation: what a spike adds to the threshold, at least 0.
        surrogate: name of the surrogate gradient, in `snnplug.nn.SURROGATES`.

    Raises:
        ValueError: a value is out of its range.
    """

    def __init__(
        self,
        *,
        leak: float = 0.5,
        memory: float = 0.9,
        threshold: float = 1.0,
        adaptation: float = 0.25,
        surrogate: str = "atan",
    ) -> None:
        super().__init__()
        for name, share in (("leak", leak), ("memory", memory)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {share}")
        if not threshold > 0:
            raise ValueError(f"threshold must be greater than 0, got {threshold}")
        if not adaptation >= 0:
            raise ValueError(f"adaptation must be at least 0, got {adaptation}")
        self.leak, self.memory, self.threshold, self.adaptation = leak, memory, threshold, adaptation
        self.surrogate = surrogate

    def initial_state(self, x: Tensor) -> AdaptiveState:
        """Return the state at rest."""
        return AdaptiveState(v=torch.zeros_like(x), a=torch.zeros_like(x))

    def step(self, x: Tensor, state: AdaptiveState) -> tuple[Tensor, AdaptiveState]:
        """Advance one time step: current `[B, *]` to spikes `[B, *]` and the next state."""
        threshold = self.threshold + self.adaptation * state.a
        v = self.leak * state.v + x
        s = spike(v - threshold, self.surrogate)
        return s, AdaptiveState(v=v - threshold * s, a=self.memory * state.a + s)
