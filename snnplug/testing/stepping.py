"""A neuron run step by step, to compare with what it does at once."""

from __future__ import annotations

import torch
from torch import Tensor

from snnplug.nn import SpikingNeuron, State

__all__ = ["step_loop"]


def step_loop(neuron: SpikingNeuron, x: Tensor) -> tuple[Tensor, list[State]]:
    """Return what the loop of `step` gives for current `[T, B, *]`: spikes, and the state after each step."""
    state, spikes, states = neuron.initial_state(x[0]), [], []
    for current in x:
        s, state = neuron.step(current, state)
        spikes.append(s)
        states.append(state)
    return torch.stack(spikes), states
