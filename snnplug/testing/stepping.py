"""A neuron, and a network, run step by step, to compare with what they do at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snnplug.nn import SpikingNeuron, State, start_stream, step_stream
from snnplug.testing.close import check_close

__all__ = ["check_stream", "step_loop"]


def step_loop(neuron: SpikingNeuron, x: Tensor) -> tuple[Tensor, list[State]]:
    """Return what the loop of `step` gives for current `[T, B, *]`: spikes, and the state after each step."""
    state, spikes, states = neuron.initial_state(x[0]), [], []
    for current in x:
        s, state = neuron.step(current, state)
        spikes.append(s)
        states.append(state)
    return torch.stack(spikes), states


def check_stream(network: nn.Module, x: Tensor) -> None:
    """Assert that a network gives step by step what it gives for the whole input `[T, B, *]`, in float64."""
    network = network.double().eval()
    x = torch.rand(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        whole, outputs = network(x), []
        state = start_stream(network, x[0])
        for x_t in x:
            y, following = step_stream(network, x_t, state)
            again, _ = step_stream(network, x_t, state)
            check_close(
                again,
                y,
                "the same step from the same state must give the same; keep nothing of a call on self",
                exact=True,
            )
            state = following
            outputs.append(y)
    check_close(
        torch.stack(outputs),
        whole,
        "step by step the network must give what it gives for the whole input; make each part that keeps "
        "something from one step to the next a snnplug.nn.StatefulModule, with initial_state and sequence, "
        "and let a layer that does something else in each step ask snnplug.nn.steps_before",
        atol=1e-10,
    )
