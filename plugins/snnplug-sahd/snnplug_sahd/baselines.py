"""Scores that cost nothing. A training-free score that does not beat them is worth nothing."""

from __future__ import annotations

from torch import nn

from snnplug import Candidate
from snnplug.nn import SpikingNeuron

__all__ = ["Parameters", "SpikingLayers"]


class Parameters:
    """Number of trainable parameters of the network."""

    def __call__(self, candidate: Candidate) -> float:
        """Return the number."""
        return float(sum(p.numel() for p in candidate.network.parameters() if p.requires_grad))


class SpikingLayers:
    """Number of layers of neurons that spike; a neuron built around another one counts once."""

    def __call__(self, candidate: Candidate) -> float:
        """Return the number."""
        return float(_layers(candidate.network))


def _layers(module: nn.Module) -> int:
    if isinstance(module, SpikingNeuron):
        return int(not module.analog)
    return sum(_layers(child) for child in module.children())
