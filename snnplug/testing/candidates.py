"""A tiny neuron, search space and candidate, so that every kind can be tested without other plugins."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug.contracts import Candidate, Edge, Genotype, Graph, Task
from snnplug.nn import (
    MembraneState,
    SpikingNeuron,
    TimeModule,
    TimeSequential,
    as_neuron,
    materialize,
    seeded,
    spike,
)
from snnplug.nn.neuron import State
from snnplug.registry.component import Component
from snnplug.registry.kinds import NeuronSpec
from snnplug.registry.registry import Registry
from snnplug.runs.records import Epoch
from snnplug.seeds import derive_seed, digest

__all__ = ["TASK", "TinyNeuron", "TinySpace", "TinyStart", "TinySupernet", "tiny_candidate", "tiny_neuron"]

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


_HELD_OUT = 48
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
                layers += _layer(width, self.channels, kernel, self.neuron).layers
                width = self.channels
        return TimeSequential(*layers, *_head(width, self.task.classes).layers)

    def supernet(self) -> nn.Module:
        """Return all networks in one; see `snnplug.Supernet`."""
        return TinySupernet(self.task, self.neuron, self.channels)

    def size(self) -> int | None:
        """Return the number of genotypes."""
        return len(_KERNELS) ** 2

    def graph(self, genotype: Genotype) -> Graph:
        """Return a chain."""
        first, second = genotype["layers"]
        edges = (
            Edge("input", "hidden", first, spiking=int(first != "none")),
            Edge("hidden", "output", second, spiking=int(second != "none")),
        )
        return Graph(("input", "hidden", "output"), edges)


class TinySupernet(TimeModule):
    """All networks of `TinySpace`: the first and the second layer that is there, with each kernel.

    Args:
        task: what it is for.
        neuron: its neuron.
        channels: width.
    """

    def __init__(self, task: Task, neuron: Component, channels: int) -> None:
        super().__init__()
        widths = (task.input_shape[0], channels)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {name: _layer(width, channels, kernel, neuron) for name, kernel in _KERNELS.items() if kernel}
            )
            for width in widths
        )
        self.heads = nn.ModuleList(_head(width, task.classes) for width in widths)
        self.path: list[str] = []

    def select(self, genotype: Genotype) -> None:
        """Let the next forward passes run the layers of a genotype."""
        self.path = [name for name in genotype["layers"] if name != "none"]

    def weights(self, genotype: Genotype) -> dict[str, Tensor]:
        """Return the shared weights of a genotype, by their names in its own network."""
        before = self.path
        self.select(genotype)
        rows = [layer for part in self._parts() for layer in part.layers]
        self.path = before
        return {
            f"layers.{i}.{name}": value
            for i, layer in enumerate(rows)
            for name, value in layer.state_dict().items()
        }

    def chain(self, genotype: Genotype) -> list[tuple[str, nn.Module]]:
        """Select a genotype and return the parts that run for it."""
        self.select(genotype)
        names = [*(f"{place} {name}" for place, name in enumerate(self.path)), f"head {bool(self.path)}"]
        return list(zip(names, self._parts(), strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, H, W]` to `[T, B, K]`."""
        for part in self._parts():
            x = part(x)
        return x

    def _parts(self) -> list[Any]:
        chosen = [blocks[name] for blocks, name in zip(self.blocks, self.path, strict=False)]  # type: ignore[index]
        return [*chosen, self.heads[bool(self.path)]]


def _layer(inputs: int, channels: int, kernel: int, neuron: Component) -> TimeSequential:
    return TimeSequential(
        nn.Conv2d(inputs, channels, kernel, padding="same", bias=False),
        nn.BatchNorm2d(channels),
        as_neuron(neuron),
    )


def _head(inputs: int, classes: int) -> TimeSequential:
    return TimeSequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def tiny_candidate(
    genotype: Genotype = None,
    *,
    seed: int = 0,
    space: Any = None,
) -> Candidate:
    """Return a candidate as the engine would make it: everything seeded, batches from random images.

    What it inherits are the first weights of a supernet, untrained. It is trained on one batch.

    Args:
        genotype: of the space; None for two 3x3 convolutions.
        seed: the run's seed.
        space: the search space; None for a `TinySpace`.
    """
    space = space or TinySpace()
    task: Task = space.task
    genotype = genotype or {"layers": ["conv3", "conv3"]}
    key = space.key(genotype)

    def batch(index: int, size: int, purpose: str = "batch") -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(derive_seed(seed, purpose, index))
        images = torch.rand(size, *task.input_shape, generator=generator)
        labels = torch.randint(task.classes, (size,), generator=generator)
        return images.expand(task.steps or 1, *images.shape), labels

    def build(repeat: int = 0) -> nn.Module:
        with seeded(derive_seed(seed, key, repeat)):
            model: nn.Module = space.build(genotype)
            materialize(model, batch(0, 2)[0])
        return model.train()

    @functools.cache
    def supernet() -> Any:
        with seeded(derive_seed(seed, "supernet")):
            shared = space.supernet()
            for name in ("conv1", "conv3"):
                shared.select({"layers": [name, name]})
                materialize(shared, batch(0, 2)[0], partly=True)
        return shared.eval()

    def inherit() -> nn.Module:
        model = build()
        model.load_state_dict(supernet().weights(genotype))
        return model.eval()

    def held_out(index: int, size: int) -> tuple[Tensor, Tensor]:
        x, labels = batch(0, _HELD_OUT, "held out")
        part = slice(index * size, (index + 1) * size)
        return x[:, part], labels[part]

    def train(epochs: int, *, samples: int = 0, space: Mapping[str, Any] | None = None) -> list[Epoch]:
        return list(_tiny_training(build(), epochs, batch, held_out))

    return Candidate(
        genotype=genotype,
        key=key,
        build=build,
        batch=batch,
        seed=derive_seed(seed, key, "scorer"),
        inherit=inherit,
        held_out=held_out,
        held_out_samples=_HELD_OUT,
        chain=lambda: supernet().chain(genotype),
        graph=lambda: space.graph(genotype),
        train=train,
    )


def _tiny_training(model: nn.Module, epochs: int, batch: Any, held_out: Any) -> Iterator[Epoch]:
    """Train a network on one batch, an epoch a step."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    x, labels = batch(0, 16)
    for epoch in range(1, epochs + 1):
        with torch.enable_grad():
            loss = F.cross_entropy(model.train()(x).mean(0), labels)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        x_val, of_val = held_out(0, _HELD_OUT)
        with torch.no_grad():
            right = (model.eval()(x_val).mean(0).argmax(1) == of_val).float().mean()
        yield Epoch(epoch=epoch, loss=loss.item(), accuracy=0.0, val_accuracy=right.item())
