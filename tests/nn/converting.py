"""Neurons and networks for the tests of the converter."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnplug.nn import SpikingNeuron


class Rectify(SpikingNeuron):
    """The activation itself, where a neuron stands."""

    graded = True

    def __init__(self, upper: float = math.inf) -> None:
        super().__init__()
        self.upper = upper

    def sequence(self, x, state):
        return x.clamp(0, self.upper), state


class Levels(SpikingNeuron):
    """A code of `slots` equal spikes, each worth a level of what it sees first, or of an upper bound."""

    windowed = True
    graded = True
    bias_every = None

    def __init__(self, slots: int = 5, upper: float = math.inf) -> None:
        super().__init__()
        self.slots, self.upper, self.domain = slots, upper, "value"

    def forward(self, x: Tensor) -> Tensor:
        v = x.sum(0)
        if math.isinf(self.upper):
            self.upper = float(v.detach().max().clamp_min(1e-3))
        level = self.upper / self.slots
        count = torch.floor(v / level + 0.5).clamp(0, self.slots)
        if self.domain == "value":
            return (count * level).unsqueeze(0)
        return torch.stack([(count > slot).to(v) * level for slot in range(self.slots)])


class Sums(NamedTuple):
    v: Tensor


class Fire(SpikingNeuron):
    """Integrate and fire with reset by subtraction and the threshold 1, clocked."""

    def step(self, x, state):
        v = state.v + x
        spikes = (v >= 1).to(x)
        return spikes, Sums(v - spikes)


class Pass(SpikingNeuron):
    """Sends its current."""

    graded = True

    def sequence(self, x, state):
        return x, state


def events(network: nn.Module, x: Tensor) -> Tensor:
    """Return the outputs `[R, B, K]` of a network simulated spike by spike."""
    for neuron in network.neurons().values():
        neuron.domain = "event"
    return network(x)


def lively(model: nn.Module, seed: int = 0) -> nn.Module:
    """Return a model in float64 whose batch norms have statistics, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
            if module.affine:
                nn.init.normal_(module.weight, 1, 0.1, generator=generator)
                nn.init.normal_(module.bias, 0, 0.1, generator=generator)
    return model.double().eval()


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
