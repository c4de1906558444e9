"""The currents and the values of every layer of neurons of a network, as it runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import torch
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn.conversion.pairs import neurons_of
from snnplug.nn.mode import evaluating
from snnplug.nn.neuron import SpikingNeuron, State
from snnplug.nn.watch import SpikeWatch

__all__ = ["Enough", "Seen", "observe"]

Seen: TypeAlias = Callable[[str, SpikingNeuron, Tensor, Tensor], None]


class Enough(Exception):
    """Raised by a callback that needs no more of a pass: the rest of it is left out."""


@torch.no_grad()
def observe(model: nn.Module, x: Tensor, saw: Seen) -> None:
    """Run a network in evaluation mode.

    Args:
        model: a network.
        x: input `[T, B, *]`.
        saw: called with the name of each layer of neurons, itself, its current `[T, B, C, *]` and what it
            sends.

    Raises:
        ContractError: a layer is run step by step.
    """
    currents: dict[str, Tensor] = {}
    neurons = neurons_of(model)

    def entered(name: str, current: Tensor | None, state: State | None, step: bool) -> None:
        if step or state is not None or current is None:
            raise ContractError(
                f"{name!r} is run step by step, so that nobody can tell where its window ends; "
                "a converted network runs each layer for all steps at once"
            )
        currents[name] = current

    def left(name: str, sent: Tensor) -> None:
        saw(name, neurons[name], currents.pop(name), sent)

    watch = SpikeWatch(model, left, analog=True, entered=entered)
    try:
        with evaluating(model), suppress(Enough):
            model(x)
    finally:
        watch.remove()
