"""Loihi 2, one chip: how many neurons and synapses it has, and which layers reach it by lava's netx.

Weights of a convolution are shared on the chip, so that a synapse is a weight here. Neurons are programmable;
what is looked at is that they send spikes step by step, graded ones included.

Sources and dates stand in the profile.
"""

from __future__ import annotations

from collections.abc import Iterator

from snnplug import Fit, LayerGraph, Need
from snnplug_chips.profile import read_profile
from snnplug_chips.rules import known_layers

__all__ = ["Loihi2"]


class Loihi2:
    """Loihi 2."""

    per_channel = False

    def __init__(self) -> None:
        self.profile = read_profile("loihi2")
        self.title, self.weight_bits = self.profile.title, self.profile.weight_bits
        self.source = self.profile.source

    def __call__(self, network: LayerGraph) -> Fit:
        """Return what of a network fits, and what does not."""
        limits = self.profile
        neurons = sum(layer.outputs for layer in network.neurons)
        synapses = sum(layer.weights for layer in network.weighted)
        found = [*known_layers(network, limits["layers"]), *self._chain(network), *self._neurons(network)]
        order = {layer.name: i for i, layer in enumerate(network.layers)}
        found.sort(key=lambda need: order[need.layer])
        fewer = "use fewer channels, or several chips"
        whole = (limits["neurons"].need("", neurons, fewer), limits["synapses"].need("", synapses, fewer))
        return Fit(needs=(*found, *whole))

    def _chain(self, network: LayerGraph) -> Iterator[Need]:
        for layer in network.layers:
            if len(layer.inputs) > 1:
                has = f"what {len(layer.inputs)} layers send, added"
                advice = "use a network whose layers follow each other"
                yield self.profile["layers"].lacks(layer.name, "inputs", has, "a chain of layers", advice)

    def _neurons(self, network: LayerGraph) -> Iterator[Need]:
        for layer in network.neurons:
            assert layer.neuron is not None
            if layer.neuron.analog or layer.neuron.windowed:
                sends = "analog values" if layer.neuron.analog else "a window at once"
                has, advice = f"{layer.operation} ({sends})", "choose a neuron that runs step by step"
                there = "spikes, step by step"
                yield self.profile["layers"].lacks(layer.name, "neuron", has, there, advice)
