"""What the layers of a network send, and how often their potentials come so close to the threshold that
rounding, or whether equal fires, decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from snnplug.nn.membrane import IntegrateAndFire
from snnplug.nn.mode import evaluating
from snnplug.nn.naming import plain_name
from snnplug.nn.neuron import SpikingNeuron
from snnplug.nn.tensors import tensors_in
from snnplug.nn.watch import SpikeWatch

__all__ = ["CLOSE", "Margin", "Sent", "sent_by_layers"]

CLOSE = 1e-5
"""Distance of a potential to the threshold, as a share of it, at which rounding may decide."""


@attrs.frozen
class Margin:
    """How close a layer of neurons comes to its threshold.

    Attributes:
        ties: potentials equal to the threshold: neurons, steps and samples.
        close: potentials within `CLOSE` of it, ties among them.
        all: potentials.
    """

    ties: int
    close: int
    all: int


@attrs.frozen(eq=False)
class Sent:
    """What a network answered.

    Attributes:
        layers: spikes `[T, B, *]` by layer of neurons, in the order in which they ran.
        output: what the network returned.
        margins: by layer of neurons, of those whose equations are known.
    """

    layers: Mapping[str, Tensor]
    output: Tensor
    margins: Mapping[str, Margin]


def sent_by_layers(model: nn.Module, x: Tensor, *, margins: bool = True) -> Sent:
    """Run a network in evaluation mode and return what its layers send.

    Args:
        model: input `[T, B, *]` to outputs `[T, B, *]`; a layer that runs several times has all its runs
            one after the other along T.
        x: input.
        margins: count potentials at the threshold, which steps through every layer once more.
    """
    spikes: dict[str, list[Tensor]] = {}
    currents: dict[str, list[Tensor]] = {}

    def saw(name: str, sent: Tensor) -> None:
        spikes.setdefault(name, []).append(sent)

    def entered(name: str, current: Tensor | None, state: Any, step: bool) -> None:
        if current is not None:
            currents.setdefault(name, []).append(current.unsqueeze(0) if step else current)

    watch = SpikeWatch(model, saw, entered=entered, analog=True)
    try:
        with torch.no_grad(), evaluating(model):
            output = next(tensors_in(model(x)))
    finally:
        watch.remove()
    neurons = {plain_name(name): module for name, module in model.named_modules()}
    counted = currents if margins else {}
    found = {name: _margin(neurons[name], torch.cat(given)) for name, given in counted.items()}
    return Sent(
        {name: torch.cat(sent) for name, sent in spikes.items()},
        output,
        {name: margin for name, margin in found.items() if margin is not None},
    )


def _margin(neuron: Any, current: Tensor) -> Margin | None:
    dynamics = neuron.dynamics() if isinstance(neuron, SpikingNeuron) else None
    if dynamics is None:
        return None
    state = neuron.initial_state(current[0])
    ties = close = 0
    with torch.no_grad():
        for x in current:
            v = state.v
            if isinstance(neuron, IntegrateAndFire):
                h = neuron.charge(x, v)  # rounded as the neuron rounds
            else:
                h = v - dynamics.rate * (v - dynamics.rest) + dynamics.gain * x
            distance = (h - dynamics.threshold).abs()
            ties += int((distance == 0).sum())
            close += int((distance <= CLOSE * max(1.0, abs(dynamics.threshold))).sum())
            _, state = neuron.step(x, state)
    return Margin(ties, close, current.numel())
