"""Xylo Audio 2, Audio 3 and IMU: a network of fully connected layers of leaky integrate-and-fire neurons.

    decay by bit shift: 1 - 1/tau with tau in steps a power of 2;  soft reset;  no bias

All hidden neurons share one memory, so that their number counts and not that of their layers. On Audio 3 and
IMU the input reaches, and the output is reached from, 128 of them alone.

Limits are those of Rockpool (SynSense) and its mappers; see the profile for sources and dates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from snnplug import Fit, Layer, LayerGraph, Need
from snnplug_chips.profile import read_profile
from snnplug_chips.rules import known_layers, plain_neurons, weights_before_neurons

__all__ = ["Xylo"]

_TITLES = {"audio2": "Xylo Audio 2", "audio3": "Xylo Audio 3", "imu": "Xylo IMU"}


class Xylo:
    """A chip of the Xylo family.

    Args:
        version: which one.
    """

    per_channel = False

    def __init__(self, *, version: Literal["audio2", "audio3", "imu"] = "audio2") -> None:
        self.profile, self.version = read_profile("xylo"), version
        self.title, self.weight_bits = _TITLES[version], self.profile.weight_bits
        self.source = self.profile.source

    def __call__(self, network: LayerGraph) -> Fit:
        """Return what of a network fits, and what does not."""
        layers, limits = self.profile["layers"], self.profile
        found = [
            *known_layers(network, layers),
            *plain_neurons(network, layers, leak=True, resets=("soft",)),
            *weights_before_neurons(network, layers),
            *(need for layer in network.weighted for need in self._weights(network, layer)),
            *(need for layer in network.neurons for need in self._decay(layer)),
        ]
        order = {layer.name: i for i, layer in enumerate(network.layers)}
        found.sort(key=lambda need: order[need.layer])
        few = "add a hidden layer, or neurons behind the last one"
        if len(network.neurons) < 2:
            count = f"{len(network.neurons)}"
            found.append(layers.lacks("", "layers of neurons", count, "at least 2", few))
        found += self._between(network)
        hidden = sum(layer.outputs for layer in self._hidden(network))
        most = limits["hidden"].of(self.version)
        return Fit(
            needs=(*found, limits["hidden"].need("", hidden, "use narrower hidden layers", allowed=most)),
            notes=("its input is not made of events: encode it as spikes",) if network.analog_input else (),
        )

    def _hidden(self, network: LayerGraph) -> list[Layer]:
        return [layer for layer in network.neurons if layer.name not in network.outputs]

    def _weights(self, network: LayerGraph, layer: Layer) -> Iterator[Need]:
        limits, hidden = self.profile, {one.name for one in self._hidden(network)}
        outer = limits["outer"].of(self.version)
        to_hidden = bool(hidden & _names(network, layer))
        yield limits["biases"].need(layer.name, layer.biases, "build the layer without a bias or batch norm")
        if "input" in layer.inputs:
            inputs = math.prod(layer.in_shape)
            yield limits["inputs"].need(layer.name, inputs, "give the network fewer input channels")
        if hidden & set(layer.inputs):
            allowed = limits["fan_out"].of(self.version)
            yield limits["fan_out"].need(layer.name, layer.fan_out, "use a narrower layer", allowed=allowed)
        if outer is not None and to_hidden and "input" in layer.inputs:
            yield limits["outer"].need(layer.name, layer.outputs, "use a narrower first layer", allowed=outer)
        if not to_hidden:
            count = layer.outputs
            allowed = limits["outputs"].of(self.version)
            yield limits["outputs"].need(layer.name, count, "use fewer outputs", allowed=allowed)
            if outer is not None and hidden & set(layer.inputs):
                sent = math.prod(layer.in_shape)
                advice = "use a narrower last hidden layer"
                yield limits["outer"].need(layer.name, sent, advice, allowed=outer)

    def _between(self, network: LayerGraph) -> Iterator[Need]:
        """Yield how many weights lead from hidden neurons to hidden ones, where that is limited."""
        limit, hidden = self.profile["recurrent"], {layer.name for layer in self._hidden(network)}
        if (most := limit.of(self.version)) is not None:
            inner = [layer for layer in network.weighted if hidden & set(layer.inputs)]
            weights = sum(layer.weights for layer in inner if hidden & _names(network, layer))
            yield limit.need("", weights, "use narrower hidden layers", allowed=most)

    def _decay(self, layer: Layer) -> Iterator[Need]:
        assert layer.neuron is not None
        leak = layer.neuron.leak
        if leak is None or not 0 < leak < 1:
            return
        tau = 1 / (1 - leak)
        shift = round(math.log2(tau))
        if not math.isclose(tau, 2.0**shift, rel_tol=1e-6):
            has, near = f"tau = {tau:.4g} steps", f"set tau = {2.0**shift:g} for the neuron"
            yield self.profile["layers"].lacks(layer.name, "decay", has, "tau a power of 2", near)


def _names(network: LayerGraph, layer: Layer) -> set[str]:
    """Return the names of the layers of neurons that a layer of weights leads to."""
    return {taker.name for taker in network.after(layer, ("neuron",))}
