"""What a network says of every sample of a split, in the end and after each time step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from snnplug.engine.data import order
from snnplug.engine.parts import Parts
from snnplug.errors import SnnplugError
from snnplug.nn import SpikingNeuron, seeded
from snnplug.nn.mode import evaluating
from snnplug.seeds import derive_seed

__all__ = ["Answers", "answers"]


@attrs.frozen(eq=False)
class Answers:
    """Labels of a split and what a network says, `[N]` each, as indices of classes.

    `by_step` is the accuracy of the readout of the steps up to each, `[T]`; empty for a network that computes
    its whole window at once, and for a loss that reads nothing from the first ones alone.
    """

    labels: Tensor
    said: Tensor
    by_step: tuple[float, ...] = ()

    @property
    def right(self) -> list[float]:
        """1 for every sample that is classified rightly, else 0."""
        found: list[float] = (self.labels == self.said).float().tolist()
        return found

    @property
    def accuracy(self) -> float:
        """Fraction of samples classified rightly."""
        return int((self.labels == self.said).sum()) / len(self.labels)


@torch.no_grad()
def answers(parts: Parts, model: nn.Module, split: Any, name: str, batch_size: int) -> Answers:
    """Return what a network says of a split that has samples; the same batches as `evaluate` takes.

    Args:
        parts: around the network.
        model: the network.
        split: of the data set.
        name: of the split, on which what samples draw depends.
        batch_size: samples at a time.
    """
    labels: list[Tensor] = []
    said: list[Tensor] = []
    right: list[Tensor] = []
    stepwise = _is_stepwise(model)
    with evaluating(model), seeded(derive_seed(parts.seed, "evaluate", name)):  # a split may augment
        batches = torch.split(order(len(split)), batch_size)
        for index, (values, target) in enumerate(parts.batches(split, batches, name)):
            outputs = parts.calls.network(model, parts.encode(values, "evaluate", name, index))
            if index == 0:
                stepwise = stepwise and _reads_any(parts, outputs)
            steps = range(1, len(outputs) + 1) if stepwise else [len(outputs)]
            guesses = torch.stack([parts.readout(outputs[:step]).argmax(1).cpu() for step in steps])
            labels.append(target)
            said.append(guesses[-1])
            right.append((guesses == target).sum(1))
    return Answers(torch.cat(labels), torch.cat(said), _by_step(right, len(split)) if stepwise else ())


def _reads_any(parts: Parts, outputs: Tensor) -> bool:
    """Whether the loss reads scores from the first steps alone; one of chosen steps needs those."""
    try:
        return all(len(parts.readout(outputs[:step, :1])) for step in range(1, len(outputs)))
    except SnnplugError:
        return False


def _is_stepwise(model: nn.Module) -> bool:
    neurons = [module for module in model.modules() if isinstance(module, SpikingNeuron)]
    return any(not neuron.analog for neuron in neurons) and not any(neuron.windowed for neuron in neurons)


def _by_step(right: Sequence[Tensor], samples: int) -> tuple[float, ...]:
    return tuple((torch.stack(list(right)).sum(0).double() / samples).tolist())
