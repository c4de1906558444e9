"""Leaky integrate-and-fire neuron whose initial potential is learned, one value for each place."""

from __future__ import annotations

import torch
from snnplug.nn import MembraneState, SpikingNeuron, spike
from torch import Tensor, nn


class FirstNeuron(SpikingNeuron):
    """Leaky integrate-and-fire neuron with a hard reset.

    Args:
        tau: membrane time constant in time steps, above 1.
    """

    def __init__(self, *, tau: float = 2.0) -> None:
        super().__init__()
        if not tau > 1:
            raise ValueError(f"tau must be above 1, got {tau}")
        self.tau = tau
        self.start = nn.UninitializedParameter()

    def initial_state(self, x: Tensor) -> MembraneState:
        """Return the learned potential for each sample."""
        if isinstance(self.start, nn.UninitializedParameter):
            with torch.no_grad():
                self.start.materialize(x.shape[1:], dtype=x.dtype, device=x.device)
                self.start.zero_()
        return MembraneState(self.start.to(x.dtype).expand_as(x))

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Advance one time step."""
        v = state.v + (x - state.v) / self.tau
        s = spike(v - 0.5, "sigmoid")
        return s, MembraneState(torch.where(s > 0, torch.zeros_like(v), v))
