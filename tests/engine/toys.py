"""Small components of every kind, so that the engine is tested without any plugin."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from snnplug import (
    ArchitectureSpec,
    Candidate,
    Component,
    DatasetSpec,
    Edge,
    EncoderSpec,
    EnergyEstimate,
    EnergyItem,
    EnergyModelSpec,
    Graph,
    LossSpec,
    NeuronSpec,
    Registry,
    ScorerSpec,
    SearchSpaceSpec,
    Splits,
    StrategySpec,
    Task,
    Trial,
    digest,
)
from snnplug.errors import ContractError
from snnplug.nn import (
    Activity,
    Encoder,
    ImageSplit,
    Loss,
    MembraneState,
    SpikingNeuron,
    TimeSequential,
    as_neuron,
    spike,
)


class ToyNeuron(SpikingNeuron):
    """A leaky neuron.

    Args:
        tau: time constant in steps.
    """

    def __init__(self, *, tau: float = 2.0) -> None:
        super().__init__()
        if tau <= 1:
            raise ValueError(f"tau must be greater than 1 time step, got {tau}")
        self.tau = tau

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        h = state.v + (x - state.v) / self.tau
        s = spike(h - 1)
        return s, MembraneState(h * (1 - s))


class ToyEncoder(Encoder):
    """The same value at every step."""

    def __init__(self, task: Task, *, steps: int = 3) -> None:
        super().__init__(task, steps)

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        return values.unsqueeze(0).expand(self.steps, *values.shape)


class ToyLoss(Loss):
    """Cross-entropy of the mean output."""

    def __init__(self, *, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        return self.scale * F.cross_entropy(self.readout(outputs), target)


class ToyStepLoss(ToyLoss):
    """The mean over steps of the cross-entropy of each step's output."""

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        return self.scale * torch.stack([F.cross_entropy(y, target) for y in outputs]).mean()


def toy_data(*, samples: int = 96) -> Splits:
    """Two easy classes of 4x4 images."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(samples) % 2
    images = torch.rand(samples, 1, 4, 4, generator=generator) * 0.3
    images[labels == 1, :, :2] += 0.7
    n = samples // 3
    parts = [ImageSplit(images[i * n : (i + 1) * n], labels[i * n : (i + 1) * n]) for i in range(3)]
    return Splits(task=Task(input_shape=(1, 4, 4), classes=2), train=parts[0], val=parts[1], test=parts[2])


def toy_net(task: Task, *, neuron: Component, width: int = 8, gain: float = 6.0) -> nn.Module:
    """One hidden layer."""
    first = nn.Linear(task.input_shape[0] * task.input_shape[1] * task.input_shape[2], width)
    nn.init.uniform_(first.weight, -gain, gain)
    return TimeSequential(nn.Flatten(), first, as_neuron(neuron), nn.Linear(width, task.classes))


class ToySpace:
    """Widths 1 to 12; 11 and 12 are the same network."""

    def __init__(self, task: Task, *, neuron: Component, delay: float = 0.0) -> None:
        self.task, self.neuron, self.delay = task, neuron, delay

    def sample(self, rng: random.Random) -> int:
        return rng.randint(1, 12)

    def mutate(self, genotype: int, rng: random.Random) -> int:
        return rng.randint(1, 12)

    def crossover(self, one: int, other: int, rng: random.Random) -> int:
        return (one + other) // 2

    def key(self, genotype: int) -> str:
        return digest(min(genotype, 11))

    def build(self, genotype: int) -> nn.Module:
        time.sleep(self.delay)
        return toy_net(self.task, neuron=self.neuron, width=min(genotype, 11))

    def size(self) -> int:
        return 12

    def graph(self, genotype: int) -> Graph:
        return Graph(("input", "output"), (Edge("input", "output", f"width {genotype}"),))


class ToyRandom:
    """Random draws."""

    def __init__(self, space: ToySpace, seed: int, *, draws: int = 20) -> None:
        self.space, self.seed, self.draws, self.asked = space, seed, draws, 0

    def ask(self, n: int) -> Sequence[Any]:
        last = min(self.asked + n, self.draws)
        drawn = [self.space.sample(random.Random(f"{self.seed}:{i}")) for i in range(self.asked, last)]
        self.asked = last
        return drawn

    def tell(self, trials: Iterable[Trial]) -> None:
        assert all(isinstance(trial, Trial) for trial in trials)


class ToyScorer:
    """Spikes of the first batch, so that data, weights and seeds all count."""

    def __init__(self, *, fail: str = "") -> None:
        self.fail = fail

    def __call__(self, candidate: Candidate) -> float:
        if self.fail == "nan":
            return float("nan")
        if self.fail == "error":
            raise RuntimeError("no score today")
        if self.fail == "contract":
            raise ContractError("it does not fit")
        if self.fail == "threads":
            return float(torch.get_num_threads())
        x, _ = candidate.batch(0, 16)
        with torch.no_grad():
            return float(candidate.build()(x).sum())


class ToyKiller(ToyScorer):
    """Kills its own process at networks of one width, only once if it can leave a mark."""

    def __init__(self, *, width: int = 5, mark: str = "") -> None:
        super().__init__()
        self.width, self.mark = width, Path(mark) if mark else None

    def __call__(self, candidate: Candidate) -> float:
        if candidate.genotype == self.width and not (self.mark and self.mark.exists()):
            if self.mark:
                self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(candidate)


class ToySize:
    """Number of parameters."""

    def __call__(self, candidate: Candidate) -> float:
        return float(sum(p.numel() for p in candidate.build().parameters()))


class ToyEnergy:
    """One unit per operation."""

    def __call__(self, activity: Activity) -> EnergyEstimate:
        return EnergyEstimate(
            unit="relative", items=(EnergyItem("operations", activity.synaptic_operations, 1.0),)
        )


SPECS = (
    NeuronSpec(name="toy", target=ToyNeuron, summary="A leaky neuron."),
    EncoderSpec(name="toy", target=ToyEncoder, summary="Constant."),
    LossSpec(name="toy", target=ToyLoss, summary="Cross-entropy."),
    LossSpec(name="each_step", target=ToyStepLoss, summary="Cross-entropy of each step."),
    DatasetSpec(name="toy", target=toy_data, summary="Two classes."),
    ArchitectureSpec(name="toy", target=toy_net, summary="One layer.", components={"neuron": "neuron"}),
    SearchSpaceSpec(name="toy", target=ToySpace, summary="Widths.", components={"neuron": "neuron"}),
    StrategySpec(name="toy", target=ToyRandom, summary="Random."),
    ScorerSpec(name="toy", target=ToyScorer, summary="Spikes."),
    ScorerSpec(name="toy_killer", target=ToyKiller, summary="Spikes, but for one."),
    ScorerSpec(name="toy_size", target=ToySize, summary="Size.", baseline=True, cost="model"),
    EnergyModelSpec(name="toy", target=ToyEnergy, summary="Operations.", unit="relative"),
)


def toy_registry() -> Registry:
    """Return a registry of the toys."""
    registry = Registry()
    for spec in SPECS:
        registry.register(spec)
    return registry


class ToyLaggard(ToyScorer):
    """Takes for ever with networks of one width."""

    def __call__(self, candidate: Any) -> float:
        if candidate.genotype == 5:
            time.sleep(10_000)
        return super().__call__(candidate)


RECIPE: dict[str, Any] = {
    "name": "toy",
    "seed": 3,
    "dataset": {"use": "toy"},
    "encoder": {"use": "toy"},
    "neuron": {"use": "toy"},
    "loss": {"use": "toy"},
    "search": {
        "space": {"use": "toy"},
        "strategy": {"use": "toy"},
        "scorer": {"use": "toy"},
        "round_size": 4,
    },
    "train": {"epochs": 4, "batch_size": 8, "optimizer": {"use": "adam", "lr": 0.02}},
    "energy": {"models": ["toy"]},
}
