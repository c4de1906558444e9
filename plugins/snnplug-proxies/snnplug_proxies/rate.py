"""Firing rate of an untrained network: spikes per neuron and time step, over all layers.

It is no proxy from a paper, but what every score of spikes should be compared with. Counted on one
batch in training mode without gradients: batch norm takes the statistics of the batch.
"""

from __future__ import annotations

import torch

from snnplug import Candidate, derive_seed
from snnplug.nn import record, seeded
from snnplug_proxies.batch import OneBatch

__all__ = ["FiringRate"]


class FiringRate(OneBatch):
    """Spikes per neuron and time step; large layers count more.

    Args:
        batch_size: samples in the batch.

    Raises:
        ValueError: `batch_size` is less than 1.
    """

    def __init__(self, *, batch_size: int = 64) -> None:
        super().__init__(batch_size)

    def __call__(self, candidate: Candidate) -> float:
        """Return the rate, 0 for a network without neurons."""
        model = candidate.build().train()
        x, _ = candidate.batch(0, self.batch_size)
        with torch.no_grad(), seeded(derive_seed(candidate.seed, 0)), record(model) as activity:
            model(x)
        layers = activity.neurons.values()
        updates = sum(layer.updates for layer in layers)
        return sum(sum(layer.spikes) for layer in layers) / updates if updates else 0.0
