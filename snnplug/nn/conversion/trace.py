"""Where a converted network departs from its ANN, layer by layer.

    own            d(v)  - a     v, a: potential and activation of the ANN; d: the code of the layer alone
    accumulated    d'(v') - a    v': potential that the SNN has there; d': with its correction

The first is what this layer costs, the second what has come together up to it. Both are split into lower
truncation, upper truncation and quantisation, as Eqs. 8, 18 and 19 of Feng et al., Computer
Science 51(3):244-250, 2024. What differs: these sum bounds over one sample, this the errors themselves over
all samples.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnplug.contracts.conversion import LayerTrace, Trace
from snnplug.errors import ContractError
from snnplug.nn.code import WindowNeuron
from snnplug.nn.conversion.before_pools import placed_as
from snnplug.nn.conversion.decoding import decode, repeat, respond
from snnplug.nn.conversion.levels import levels_of
from snnplug.nn.conversion.observe import observe
from snnplug.nn.conversion.pairs import matched_neurons
from snnplug.nn.conversion.tally import Tally, by_channel
from snnplug.nn.mode import evaluating
from snnplug.nn.neuron import SpikingNeuron

__all__ = ["trace"]


def trace(
    ann: nn.Module,
    snn: nn.Module,
    batches: Iterable[Tensor],
    *,
    steps: int = 1,
    worst: int = 5,
    sampled: int = 2**16,
    seed: int = 0,
) -> Trace:
    """Return the error of every layer of neurons.

    An activation that a converted ANN has behind a max pool counts before it where the SNN's neuron stands
    there. What it holds at a time is the activations of both networks for one batch.

    Args:
        ann: the network with analog neurons.
        snn: the same with spiking ones.
        batches: inputs `[1, B, *]`.
        steps: time steps that clocked neurons are given.
        worst: how many channels are named.
        sampled: quantiles are of at most so many errors of a layer, chosen with the seed.
        seed: of the choice.

    Raises:
        ContractError: the networks do not fit each other, or there is no batch.
    """
    neurons, samples = matched_neurons(ann, snn), 0
    layers: dict[str, _Layer] = {}
    with placed_as(ann, snn):
        for x in batches:
            samples += x.shape[1]
            wanted, found = _run(ann, x), _run(snn, repeat(x, steps))
            for name, uses in wanted.items():
                if len(uses) != len(found.get(name, ())):
                    raise ContractError(
                        f"ANN and SNN do not run {name!r} equally often; build or convert both networks alike"
                    )
                for activation, sent in zip(uses, found[name], strict=True):
                    if activation.sent.shape != sent.sent.shape:
                        raise ContractError(
                            f"{name!r} sends {list(activation.sent.shape)} [B, C, ...] in the ANN, but "
                            f"{list(sent.sent.shape)} in the SNN; build or convert both networks alike"
                        )
                    if name not in layers:
                        layers[name] = _Layer(neurons[name], sampled, seed)
                    layers[name].add(activation, sent)
    if not samples:
        raise ContractError("there is no batch of inputs; give at least one")
    return Trace(samples, steps, tuple(layer.result(name, worst) for name, layer in layers.items()))


class _Use(NamedTuple):
    """What a layer gets and sends in one use.

    Attributes:
        current: value of its current `[B, C, *]`.
        sent: the decoded value of what it sends.
        steps: time steps of its current.
    """

    current: Tensor
    sent: Tensor
    steps: int


def _run(model: nn.Module, x: Tensor) -> dict[str, list[_Use]]:
    """Return the uses of every layer of neurons, by name in the order of the first."""
    uses: dict[str, list[_Use]] = {}

    def saw(name: str, neuron: SpikingNeuron, current: Tensor, sent: Tensor) -> None:
        every = neuron.bias_every
        uses.setdefault(name, []).append(_Use(decode(current, every), decode(sent, every), len(current)))

    observe(model, x, saw)
    return uses


def _uncorrected(neuron: SpikingNeuron) -> SpikingNeuron:
    """Return a neuron whose code is alone: what corrects other layers' errors is no error of its own."""
    if not isinstance(neuron, WindowNeuron) or neuron.correction is None:
        return neuron
    alone = copy.deepcopy(neuron)
    alone.correction = None
    return alone


class _Layer:
    """What has come together of one layer."""

    def __init__(self, neuron: SpikingNeuron, sampled: int, seed: int) -> None:
        self._neuron, self._sampled, self._seed = neuron, sampled, seed
        self._code = _uncorrected(neuron)
        self._errors: tuple[Tally, Tally] | None = None  # own, accumulated
        self._active, self._spikes = torch.zeros((), dtype=torch.int64), torch.zeros((), dtype=torch.int64)
        self._values = self._silent = 0

    @torch.no_grad()
    def add(self, ann: _Use, snn: _Use) -> None:
        """Add what the layer did in both networks."""
        v, a, sent = ann.current, ann.sent, snn.sent
        with evaluating(self._neuron), evaluating(self._code):
            own = respond(self._code, v, snn.steps)
            if self._errors is None:
                own_error, accumulated = (
                    Tally(*levels_of(one, own, snn.steps), sampled=self._sampled, seed=self._seed)
                    for one in (self._code, self._neuron)
                )
                self._errors = own_error, accumulated
        for tally, values in zip(self._errors, (own, sent), strict=True):
            tally.add(values, a)
        active, spikes = a > 0, sent != 0
        self._values += a.numel()
        self._silent += int((active & ~spikes).sum())
        self._active, self._spikes = self._active + by_channel(active), self._spikes + by_channel(spikes)

    def result(self, name: str, worst: int) -> LayerTrace:
        """Return the record."""
        assert self._errors is not None
        own, accumulated = self._errors
        return LayerTrace(
            name=name,
            neuron=type(self._neuron).__name__,
            values=self._values,
            channels=len(self._active),
            active=int(self._active.sum()),
            silent=self._silent,
            silent_channels=tuple(((self._active > 0) & (self._spikes == 0)).nonzero().flatten().tolist()),
            own=own.result(worst),
            accumulated=accumulated.result(worst),
        )
