"""Firing rate of an untrained network: spikes per neuron and time step, over all layers.

It is no proxy from a paper, but what every score of spikes should be compared with.
"""

from __future__ import annotations

from snnplug.nn import Activity, ActivityScorer

__all__ = ["FiringRate"]


class FiringRate(ActivityScorer):
    """Spikes per neuron and time step, so large layers count more.

    Arguments as in `snnplug.nn.ActivityScorer`.
    """

    def read(self, activity: Activity) -> float:
        """Return the rate, 0 for a network without neurons."""
        layers = activity.neurons.values()
        updates = sum(layer.updates for layer in layers)
        return sum(sum(layer.spikes) for layer in layers) / updates if updates else 0.0
