"""SpiNNaker2, one chip: cores of about a thousand neurons each, and memory that all of them share.

    cores = sum over layers of neurons of ceil(neurons / 1000)
    memory = one byte a weight, four bytes a neuron

A convolution's weights are held once. Memory of a program and of its routing is not counted: it is a lower
bound. Average pools are sum pools with other weights behind them.

Sources and dates stand in the profile.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from snnplug import Fit, LayerGraph, Need
from snnplug_chips.profile import read_profile
from snnplug_chips.rules import known_layers, plain_neurons

__all__ = ["SpiNNaker2"]

_STATE = 4  # bytes of a membrane potential


class SpiNNaker2:
    """SpiNNaker2."""

    per_channel = False

    def __init__(self) -> None:
        self.profile = read_profile("spinnaker2")
        self.title, self.weight_bits = self.profile.title, self.profile.weight_bits
        self.source = self.profile.source

    def __call__(self, network: LayerGraph) -> Fit:
        """Return what of a network fits, and what does not."""
        limits, each = self.profile, int(self.profile["neurons_per_core"].value)
        found = [
            *known_layers(network, limits["layers"]),
            *self._pools(network),
            *plain_neurons(network, limits["layers"], leak=True, resets=("soft", "hard")),
        ]
        order = {layer.name: i for i, layer in enumerate(network.layers)}
        found.sort(key=lambda need: order[need.layer])
        placement, first = dict[str, str](), 0
        for layer in network.neurons:
            count = math.ceil(layer.outputs / each)
            last = first + count - 1
            placement[layer.name] = f"core {first}" if count == 1 else f"cores {first} to {last}"
            first += count
        weights = sum(layer.weights + layer.biases for layer in network.weighted)
        neurons = sum(layer.outputs for layer in network.neurons)
        memory = weights * self.weight_bits // 8 + _STATE * neurons
        whole = (
            limits["cores"].need("", first, "use fewer or smaller maps, or several chips"),
            limits["memory"].need("", memory, "use fewer channels, or several chips"),
        )
        return Fit(needs=(*found, *whole), placement=placement)

    def _pools(self, network: LayerGraph) -> Iterator[Need]:
        for layer in network.layers:
            if layer.kind == "pool" and layer.pooling == "max":
                advice = "use average pools, which become sums"
                yield self.profile["layers"].lacks(layer.name, "pool", "max pooling", "sum pooling", advice)
