"""The staircase of a coding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn import Code, MembraneState, SpikingNeuron, State, WindowNeuron, staircase

EDGES, VALUES = torch.tensor([0.5, 1.0]), torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]])


class Halves(WindowNeuron):
    def __init__(self, scale: Tensor) -> None:
        super().__init__(slots=2)
        self.scale = nn.Parameter(scale)

    def code(self) -> Code:
        return Code(EDGES * self.scale.detach(), VALUES * self.scale.unsqueeze(-1))


class Clocked(SpikingNeuron):
    def __init__(self, threshold: Tensor) -> None:
        super().__init__()
        self.threshold = nn.Parameter(threshold)

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, State]:
        v = state.v + x
        spikes = (v >= self.threshold).to(x.dtype) * self.threshold
        return spikes, MembraneState(v - spikes)


@pytest.mark.parametrize("as_neuron", [True, False])
def test_a_table(as_neuron: bool) -> None:
    neuron = Halves(torch.tensor([[1.0], [2.0]]))
    x, d = staircase(neuron if as_neuron else neuron.code(), -1, 3, 9, channel=1)
    assert x.tolist() == [-1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert d.tolist() == [0, 0, 0, 0, 1, 1, 2, 2, 2]
    assert not d.requires_grad
    assert staircase(Code(EDGES, VALUES), -1, 3, 9)[1].tolist() == [0, 0, 0, 0.5, 1, 1, 1, 1, 1]


def test_a_clocked_neuron_is_constant_over_time() -> None:
    _, d = staircase(Clocked(torch.tensor(2.0)), -1, 3, 9, steps=4)
    assert d.tolist() == [0, 0, 0, 0.5, 1, 1.5, 2, 2, 2]
    neuron = Clocked(torch.tensor([1.0, 2.0]).view(2, 1, 1)).train()
    assert torch.equal(staircase(neuron, -1, 3, 9, steps=4, channel=1, shape=(2, 1, 1))[1], d)
    assert neuron.training
    assert neuron.threshold.dtype == torch.float32


def test_what_cannot_be_drawn() -> None:
    for low, high, points in ((1, 1, 9), (0, 1, 1), (0, float("nan"), 9)):
        with pytest.raises(ContractError, match="needs low < high and 2 points"):
            staircase(Code(EDGES, VALUES), low, high, points)
    with pytest.raises(ContractError, match="no channel 2; the coding has 2"):
        staircase(Halves(torch.ones(2, 1)), 0, 1, channel=2)
    with pytest.raises(ContractError, match="no channel 1; the coding has 1"):
        staircase(Clocked(torch.tensor(1.0)), 0, 1, channel=1)
