"""What an untrained network does, as an objective beside a score: its spikes and synaptic operations.

Per sample and over all time steps of one batch. Training changes these numbers; they rank networks,
they are no estimate of what the trained one will need.
"""

from __future__ import annotations

from snnplug.nn import Activity, ActivityScorer

__all__ = ["SpikesPerSample", "SynapticOperations"]


class SpikesPerSample(ActivityScorer):
    """Spikes of all neurons over all time steps, per sample; arguments as in `snnplug.nn.ActivityScorer`."""

    def read(self, activity: Activity) -> float:
        """Return the spikes."""
        return activity.spikes_per_sample


class SynapticOperations(ActivityScorer):
    """Accumulates that spikes cause over all time steps, per sample; arguments as in `SpikesPerSample`.

    Each spike counts with its true fan-out. Layers with analog input are left out: they are
    billed in multiply-accumulates.
    """

    def read(self, activity: Activity) -> float:
        """Return the synaptic operations."""
        return activity.synaptic_operations
