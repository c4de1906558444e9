"""BrainScaleS-2, one chip: 512 neurons with 256 synapses each, of which a signed weight takes two.

A network that is larger runs in parts one after the other, a layer or a piece of one at a time; so what is
looked at is each layer: how many inputs a neuron has, and that it is fully connected. In how many parts it
runs is said beside.

Sources and dates stand in the profile.
"""

from __future__ import annotations

import math

from snnplug import Fit, LayerGraph
from snnplug_chips.profile import read_profile
from snnplug_chips.rules import known_layers, plain_neurons

__all__ = ["BrainScaleS2"]


class BrainScaleS2:
    """BrainScaleS-2."""

    per_channel = False

    def __init__(self) -> None:
        self.profile = read_profile("brainscales2")
        self.title, self.weight_bits = self.profile.title, self.profile.weight_bits
        self.source = self.profile.source

    def __call__(self, network: LayerGraph) -> Fit:
        """Return what of a network fits, and what does not."""
        limits, neurons = self.profile, sum(layer.outputs for layer in network.neurons)
        found = [
            *known_layers(network, limits["layers"]),
            *plain_neurons(network, limits["layers"], leak=True, resets=("hard",)),
        ]
        for layer in network.weighted:
            advice = "give its neurons fewer inputs"
            found.append(limits["fan_in"].need(layer.name, layer.fan_in, advice))
            synapses = layer.connections * 2
            found.append(limits["synapses"].need(layer.name, synapses, "use a narrower layer"))
        order = {layer.name: i for i, layer in enumerate(network.layers)}
        found.sort(key=lambda need: order[need.layer])
        parts = sum(math.ceil(layer.outputs / limits["neurons"].value) for layer in network.neurons)
        at_once = neurons <= limits["neurons"].value
        told = f"it has {neurons:,} neurons and runs in {parts} parts, one after the other"
        return Fit(needs=tuple(found), notes=() if at_once else (told,))
