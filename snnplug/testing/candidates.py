"""A tiny neuron, search space and candidate, so that every kind can be tested without other plugins."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.contracts import Candidate, Edge, Genotype, Graph, Task
from snnplug.nn import MembraneState, SpikingNeuron, TimeSequential, as_neuron, materialize, seeded, spike
from snnplug.nn.neuron import State
from snnplug.registry.component import Component
from snnplug.registry.kinds import NeuronSpec
from snnplug.registry.registry import Registry
from snnplug.seeds import derive_seed, digest

__all__ = ["TASK", "TinyNeuron", "TinySpace", "TinyStart", "tiny_candidate", "tiny_neuron"]

TASK = Task(input_shape=(1, 8, 8), classes=3, steps=2)


class TinyNeuron(SpikingNeuron):
    """Leaky integrate-and-fire with a reset by subtraction: `v ← leak·v + x`, spike at `v ≥ 0.3`.

    Args:
        leak: what remains of the membrane potential after one step.
    """

    def __init__(self, *, leak: float = 0.5) -> None:
        super().__init__()
        self.leak = leak

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance one step `[B, *]`."""
        v = self.leak * state.v + x
        s = spike(v - 0.3)
        return s, MembraneState(v - 0.3 * s)


class TinyStart(TinyNeuron):
    """The same with a learnable initial potential: a parameter whose shape follows the input."""

    def __init__(self, *, leak: float = 0.5) -> None:
        super().__init__(leak=leak)
        self.start = nn.UninitializedParameter()

    def initial_state(self, x: Tensor) -> State:
        """Return the learnable potential for each sample."""
        if isinstance(self.start, nn.UninitializedParameter):
            with torch.no_grad():
                self.start.materialize(x.shape[1:], dtype=x.dtype, device=x.device)
                self.start.zero_()
        return MembraneState(self.start.expand_as(x))


def tiny_neuron(*, learnable_start: bool = False, leak: float = 0.5) -> Component:
    """Return the component of a neuron.

    Args:
        learnable_start: it has a parameter whose shape follows the input.
        leak: what remains of the membrane potential after one step.
    """
    registry = Registry()
    target = TinyStart if learnable_start else TinyNeuron
    registry.register(NeuronSpec(name="tiny", target=target, summary="A neuron for tests."))
    return registry.use("neuron", "tiny", leak=leak)


_KERNELS: Mapping[str, int] = {"none": 0, "conv1": 1, "conv3": 3}


class TinySpace:
    """Nine networks: two layers, each nothing, a 1x1 or a 3x3 convolution with neurons.

    Args:
        task: what the networks are for.
        neuron: their neuron.
        channels: width.
    """

    def __init__(self, task: Task = TASK, *, neuron: Component | None = None, channels: int = 4) -> None:
        self.task, self.neuron, self.channels = task, neuron or tiny_neuron(), channels

    def sample(self, rng: random.Random) -> Genotype:
        """Draw a genotype such as `{"layers": ["conv3", "none"]}`."""
        return {"layers": [rng.choice(list(_KERNELS)) for _ in range(2)]}

    def mutate(self, genotype: Genotype, rng: random.Random) -> Genotype:
        """Return a copy with one layer drawn anew."""
        layers = list(genotype["layers"])
        layers[rng.randrange(2)] = rng.choice(list(_KERNELS))
        return {"layers": layers}

    def crossover(self, one: Genotype, other: Genotype, rng: random.Random) -> Genotype:
        """Return each layer from one parent or the other."""
        return {"layers": [rng.choice(pair) for pair in zip(one["layers"], other["layers"], strict=True)]}

    def key(self, genotype: Genotype) -> str:
        """Return the digest of the layers that are there: their order alone decides."""
        return digest([layer for layer in genotype["layers"] if layer != "none"])

    def build(self, genotype: Genotype) -> nn.Module:
        """Return the network."""
        width = self.task.input_shape[0]
        layers: list[nn.Module] = []
        for kernel in (_KERNELS[name] for name in genotype["layers"]):
            if kernel:
                layers += [
                    nn.Conv2d(width, self.channels, kernel, padding="same", bias=False),
                    nn.BatchNorm2d(self.channels),
                    as_neuron(self.neuron),
                ]
                width = self.channels
        pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, self.task.classes)]
        return TimeSequential(*layers, *pool)

    def size(self) -> int | None:
        """Return the number of genotypes."""
        return len(_KERNELS) ** 2

    def graph(self, genotype: Genotype) -> Graph:
        """Return a chain."""
        first, second = genotype["layers"]
        edges = (Edge("input", "hidden", first), Edge("hidden", "output", second))
        return Graph(("input", "hidden", "output"), edges)


def tiny_candidate(
    genotype: Genotype = None,
    *,
    seed: int = 0,
    space: Any = None,
) -> Candidate:
    """Return a candidate as the engine would make it: everything seeded, batches from random images.

    Args:
        genotype: of the space; None for two 3x3 convolutions.
        seed: the run's seed.
        space: the search space; None for a `TinySpace`.
    """
    space = space or TinySpace()
    task: Task = space.task
    genotype = genotype or {"layers": ["conv3", "conv3"]}
    key = space.key(genotype)

    def batch(index: int, size: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(derive_seed(seed, "batch", index))
        images = torch.rand(size, *task.input_shape, generator=generator)
        labels = torch.randint(task.classes, (size,), generator=generator)
        return images.expand(task.steps or 1, *images.shape), labels

    def build(repeat: int = 0) -> nn.Module:
        with seeded(derive_seed(seed, key, repeat)):
            model: nn.Module = space.build(genotype)
            materialize(model, batch(0, 2)[0])
        return model.train()

    return Candidate(
        genotype=genotype, key=key, build=build, batch=batch, seed=derive_seed(seed, key, "scorer")
    )
