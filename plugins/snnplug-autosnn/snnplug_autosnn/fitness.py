"""The fitness of AutoSNN: accurate and quiet.

    F = accuracy * (spikes / average)^lambda        lambda = -0.08

Na et al., ICML 2022, arXiv 2201.12738. Accuracy and spikes are those of a network with the weights that it
inherits from the supernet, on held-out data. `average` is a constant factor and changes no rank. What differs
from the published code: held-out data is not augmented; a network without any spike, which would win by
infinity, counts as one with a single spike; batch norm, whose statistics all paths share, may be recalibrated
for each network. What a network has in common with the one before is not computed again, see
`snnplug_autosnn.prefix`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from snnplug import Candidate, Component, Score, check_ranges
from snnplug.errors import ContractError
from snnplug.nn import SpikeTotal, count_spikes, recalibrate, record, seeded
from snnplug_autosnn.prefix import DrawsAtRandom, Prefix

__all__ = ["SpikeAwareFitness"]

HeldOut = Callable[[int, int], tuple[Tensor, Tensor]]


@check_ranges
class SpikeAwareFitness:
    """The scorer.

    Args:
        exponent: lambda: 0 looks at accuracy alone, -0.24 strongly at spikes.
        average: what spikes are divided by; None for the mean over the supernet's paths in its last epoch.
        spikes: what counts, per sample over all steps: what neurons send; that and what max pools pass
            on, as published; or synaptic operations.
        energy: an energy model, whose value counts in place of spikes.
        samples: held-out samples at most; None for all.
        batch_size: samples at a time.
        recalibrate: training batches from which batch norm takes new statistics first; 0 for the supernet's.
        shared_bytes: memory for what a network may have in common with the one before; 0 computes all anew.

    Raises:
        ValueError: a number is out of range.
    """

    def __init__(
        self,
        *,
        exponent: float = -0.08,
        average: Annotated[float, Gt(0)] | None = None,
        spikes: Literal["neurons", "neurons_and_pools", "synaptic_operations"] = "neurons",
        energy: Component | None = None,
        samples: Annotated[int, Ge(1)] | None = None,
        batch_size: Annotated[int, Ge(1)] = 128,
        recalibrate: Annotated[int, Ge(0)] = 0,
        shared_bytes: Annotated[int, Ge(0)] = 1 << 30,
    ) -> None:
        self.exponent, self.average, self.spikes, self.samples = exponent, average, spikes, samples
        self.batch_size, self.recalibrate, self.shared_bytes = batch_size, recalibrate, shared_bytes
        self._source: object = None
        self._prefix: Prefix | None = None
        self.energy = energy.build() if energy is not None else None

    def __call__(self, candidate: Candidate) -> Score:
        """Return the fitness, made of accuracy and spikes."""
        measured = self._in_parts(candidate)
        accuracy, cost = self._whole(candidate) if measured is None else measured
        name = "energy" if self.energy is not None else "spikes"
        average = self.average if self.average is not None else candidate.facts.get(self._fact, 1.0)
        least = 0.0 if self.energy is not None else 1.0
        value = accuracy * (max(cost, least) / average) ** self.exponent
        return Score(value, {"accuracy": accuracy, name: cost})

    @property
    def _fact(self) -> str:
        """Under which name the supernet's mean of what is counted stands, if it is known."""
        if self.energy is not None:
            return "energy"
        return {"neurons": "spikes", "neurons_and_pools": "spikes_and_pools"}.get(self.spikes, self.spikes)

    def _in_parts(self, candidate: Candidate) -> tuple[float, float] | None:
        """Return what `_whole` does, computed together with the network before; None where that cannot be."""
        if self.energy is not None or self.spikes == "synaptic_operations" or self.recalibrate:
            return None
        if not self.shared_bytes or (chain := candidate.chain()) is None:
            return None
        source, count = candidate.held_out, self._count(candidate)
        if self._prefix is None or self._source != (source, count):
            self._source = source, count
            self._prefix = Prefix(lambda index: self._held_out(source, index, count), self.shared_bytes)
        right, totals = 0, []
        try:
            with torch.no_grad(), seeded(candidate.seed):
                for outputs, target, total in self._prefix(chain, math.ceil(count / self.batch_size)):
                    right += _right(candidate, outputs, target)
                    totals.append(total)
        except DrawsAtRandom:
            return None
        return right / count, self._spikes(SpikeTotal(totals)) / count

    def _whole(self, candidate: Candidate) -> tuple[float, float]:
        """Return accuracy, and what counts as spikes per sample."""
        network, count = candidate.inherit(), self._count(candidate)
        with torch.no_grad(), seeded(candidate.seed):
            recalibrate(network, (candidate.batch(i, self.batch_size)[0] for i in range(self.recalibrate)))
            network.eval()
            if self.energy is None and self.spikes != "synaptic_operations":
                with count_spikes(network) as total:
                    accuracy = self._accuracy(candidate, network, count)
                return accuracy, self._spikes(total) / count
            with record(network) as activity:
                accuracy = self._accuracy(candidate, network, count)
            cost = activity.synaptic_operations if self.energy is None else self.energy(activity).value
            return accuracy, float(cost)

    def _count(self, candidate: Candidate) -> int:
        """Return how many held-out samples are looked at."""
        count = min(candidate.held_out_samples, self.samples or candidate.held_out_samples)
        if not count:
            raise ContractError("the fitness needs held-out data: a data set with a validation split")
        return count

    def _spikes(self, total: SpikeTotal) -> float:
        return total.neurons + (total.pools if self.spikes == "neurons_and_pools" else 0.0)

    def _accuracy(self, candidate: Candidate, network: nn.Module, count: int) -> float:
        """Return the accuracy over the first held-out samples."""
        right = 0
        for index in range(math.ceil(count / self.batch_size)):
            x, target = self._held_out(candidate.held_out, index, count)
            right += _right(candidate, network(x), target)
        return right / count

    def _held_out(self, source: HeldOut, index: int, count: int) -> tuple[Tensor, Tensor]:
        x, target = source(index, self.batch_size)
        left = count - index * self.batch_size
        return x[:, :left], target[:left]


def _right(candidate: Candidate, outputs: Tensor, target: Tensor) -> int:
    return int((candidate.readout(outputs).argmax(1) == target).sum())
