"""Spiking depth: a chain of many neurons, whose stages carry most information where they begin.

    score = D + weight * sum over stages of (H_entry - H_rest)

    D        layers of neurons on the longest chain from input to output
    stage    layers whose spikes have one shape [C, H, W]
    H        entropy of a layer's spike counts in bits: of the number of spikes that a neuron sends for
             a sample over all time steps, over all neurons and samples
    H_entry  mean H of the stage's layers of the least depth,  H_rest  that of its other layers

A stage without other layers adds nothing. Our own, chosen on one half of SpikeNAS-Bench (CIFAR-10)
and reported on the other. There D is what tells good networks from bad ones, rather than
the number of all layers, many of which stand beside each other. The second term is for thresholds:
a first layer that hardly fires loses what no later layer can bring back, while later layers may be
sparse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, NamedTuple

import torch
from annotated_types import Ge
from torch import Tensor, nn

from snnplug import Candidate, check_ranges, derive_seed
from snnplug.nn import seeded, spikes_only, watch_spikes
from snnplug_spiking_depth.chain import NEVER, neuron_depths

__all__ = ["Layer", "SpikingDepth", "count_entropies", "entry_lead"]


class Layer(NamedTuple):
    """A layer of neurons and the shape of its spikes for one sample and time step."""

    name: str
    shape: tuple[int, ...]


@check_ranges
class SpikingDepth:
    """The score of the network of repeat 0 in training mode on the first batch; higher is better.

    Args:
        weight: of the entropies; 0 for the depth alone, which needs no forward pass of the batch.
        batch_size: samples in the batch.

    Raises:
        ValueError: `weight` is below 0 or `batch_size` below 1.
    """

    def __init__(
        self, *, weight: Annotated[float, Ge(0)] = 2.0, batch_size: Annotated[int, Ge(1)] = 32
    ) -> None:
        self.weight, self.batch_size = weight, batch_size

    def __call__(self, candidate: Candidate) -> float:
        """Return the score, minus infinity where the output does not depend on the input."""
        model = candidate.build().train()
        x, _ = candidate.batch(0, self.batch_size)
        entropies = {}
        if self.weight:
            with seeded(derive_seed(candidate.seed, 0)):
                entropies = count_entropies(model, x)
        depth, depths = neuron_depths(model, x)
        if depth == NEVER:
            return depth
        return float(depth + self.weight * entry_lead(entropies, depths))


def count_entropies(model: nn.Module, x: Tensor) -> dict[Layer, float]:
    """Return the entropy of the spike counts of each layer of neurons, in bits.

    Args:
        model: in the mode in which it is to be scored.
        x: input `[T, B, *]`.
    """
    counts: dict[Layer, Tensor] = {}

    def add(name: str, spikes: Tensor) -> None:
        layer, fired = Layer(name, tuple(spikes.shape[2:])), (spikes != 0).sum(0)
        counts[layer] = counts[layer] + fired if layer in counts else fired

    watch = watch_spikes(model, add)
    try:
        with spikes_only():
            model(x)
    finally:
        watch.remove()
    return {layer: _entropy(torch.bincount(count.flatten())) for layer, count in counts.items()}


def _entropy(histogram: Tensor) -> float:
    p = histogram[histogram > 0].double() / histogram.sum()
    return float(-(p * p.log2()).sum()) + 0.0  # no minus zero


def entry_lead(entropies: Mapping[Layer, float], depths: Mapping[str, int]) -> float:
    """Return by how much the entries of stages are ahead of the rest of their stage, summed over stages.

    Args:
        entropies: of layers; those without a depth do not count.
        depths: of layers by name.
    """
    stages: dict[tuple[int, ...], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for layer, entropy in entropies.items():
        if layer.name in depths:
            stages[layer.shape][depths[layer.name]].append(entropy)
    lead = 0.0
    for by_depth in stages.values():
        entry = by_depth.pop(min(by_depth))
        rest = [entropy for values in by_depth.values() for entropy in values]
        if rest:
            lead += sum(entry) / len(entry) - sum(rest) / len(rest)
    return lead
