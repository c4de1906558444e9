"""Speck 2e/2f: nine cores, each a convolution, integrate-and-fire neurons and a sum pool, in this order.

    kernel words = c 2^(ceil(log2(kx ky)) + ceil(log2 f))
    neuron words = f 2^(ceil(log2 fy) + ceil(log2 fx))

with c input and f output channels, a kernel of kx x ky, and a map of fx x fy before the pool. Every layer
with weights takes a core that has so many of both; which one is a maximum bipartite matching. A fully
connected layer is a convolution with a kernel of the size of its input.

The memory rule is that of sinabs (SynSense), `dynapcnn_layer.py`; see the profile for sources and dates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from snnplug import Fit, Layer, LayerGraph, Need
from snnplug_chips.profile import read_profile
from snnplug_chips.rules import plain_neurons, weights_before_neurons

__all__ = ["Speck", "kernel_words", "neuron_words"]


def kernel_words(layer: Layer) -> int:
    """Return the words that the weights of a layer take."""
    channels, kernel = layer.in_shape[0], _kernel(layer)
    return int(channels * 2 ** (_bits(math.prod(kernel)) + _bits(layer.out_shape[0])))


def neuron_words(layer: Layer) -> int:
    """Return the words that the potentials behind a layer of weights take, before a pool."""
    channels, *places = layer.out_shape
    return int(channels * 2 ** sum(map(_bits, places)))


class Speck:
    """Speck 2e/2f."""

    per_channel = False

    def __init__(self) -> None:
        self.profile = read_profile("speck")
        self.title, self.weight_bits = self.profile.title, self.profile.weight_bits
        self.source = self.profile.source
        self.kernels = list(self.profile["kernel_words"].value)
        self.neurons = list(self.profile["neuron_words"].value)

    def __call__(self, network: LayerGraph) -> Fit:
        """Return what of a network fits, and what does not."""
        found = [need for layer in network.layers for need in self._layer(network, layer)]
        limit = self.profile["kernel_words"]
        found += plain_neurons(network, limit, leak=False, resets=("soft", "hard"))
        found += weights_before_neurons(network, limit)
        order = {layer.name: i for i, layer in enumerate(network.layers)}
        found.sort(key=lambda need: order[need.layer])
        cores = self._cores(network)
        return Fit(
            needs=(*found, *self._network(network, cores)),
            placement={name: f"core {core}" for name, core in cores.items()},
            notes=tuple(self._notes(network)),
        )

    def _layer(self, network: LayerGraph, layer: Layer) -> Iterator[Need]:
        limits = self.profile
        if layer.weighted:
            yield from self._words(layer)
            yield from self._shape(layer)
        elif layer.kind == "pool":
            yield from self._pool(network, layer)
        elif layer.kind == "neuron":
            takers = network.after(layer, ("conv", "linear"))
            advice = "let fewer layers take what these neurons send"
            yield limits["destinations"].need(layer.name, len(takers), advice)
        else:
            folds = "put it right behind a convolution, of which it then becomes a part"
            advice = folds if layer.kind == "norm" else "leave it out"
            there = "convolution, neurons, sum pool"
            yield limits["kernel_words"].lacks(layer.name, "layer", layer.operation, there, advice)

    def _words(self, layer: Layer) -> Iterator[Need]:
        kernel, neurons = kernel_words(layer), neuron_words(layer)
        roomy = [words for words, room in zip(self.kernels, self.neurons, strict=True) if neurons <= room]
        channels = f"its {layer.in_shape[0]} input or {layer.out_shape[0]} output channels"
        yield self.profile["kernel_words"].need(
            layer.name,
            kernel,
            f"use fewer of {channels}, or a smaller kernel",
            allowed=max(roomy or self.kernels),
        )
        yield self.profile["neuron_words"].need(
            layer.name,
            neurons,
            f"use fewer of its {layer.out_shape[0]} output channels, or a stride",
            allowed=max(self.neurons),
        )
        yield self.profile["biases"].need(layer.name, layer.biases, "use fewer channels, or no bias")

    def _shape(self, layer: Layer) -> Iterator[Need]:
        limits, kernel = self.profile, _kernel(layer)
        channels = max(layer.in_shape[0], layer.out_shape[0])
        yield limits["channels"].need(layer.name, channels, "use fewer channels")
        advice = "use a smaller kernel" if layer.kind == "conv" else "pool before it"
        yield limits["kernel"].need(layer.name, max(kernel), advice)
        yield limits["padding"].need(layer.name, max(layer.padding, default=0), "pad less")
        side = max(layer.out_shape[1:], default=1)
        yield limits["map"].need(layer.name, side, "use a stride, or pool before it")
        square = limits["kernel"]
        if len(set(kernel)) > 1 or len(kernel) == 1:
            shape = " x ".join(map(str, kernel))
            yield square.lacks(layer.name, "kernel", shape, "square ones", "use a square kernel")
        if layer.groups > 1 or max(layer.dilation, default=1) > 1:
            has = f"{layer.groups} groups" if layer.groups > 1 else f"dilation {max(layer.dilation)}"
            yield square.lacks(layer.name, "kernel", has, "dense ones", "use a plain convolution")
        for stride in sorted(set(layer.stride) - set(limits["strides"].value)):
            there = ", ".join(map(str, limits["strides"].value))
            yield limits["strides"].lacks(layer.name, "stride", str(stride), there, "use a stride of 1 or 2")

    def _pool(self, network: LayerGraph, layer: Layer) -> Iterator[Need]:
        limit = self.profile["pools"]
        sizes = ", ".join(map(str, limit.value))
        senders = [network.by_name.get(name) for name in layer.inputs]
        if layer.pooling == "max":
            advice = "use average pools behind the neurons, which become sums"
            yield limit.lacks(layer.name, "pool", "max pooling", "sum pooling behind neurons", advice)
        elif any(sender is not None and sender.kind != "neuron" for sender in senders):
            has, advice = "a pool that is not right behind neurons", "move it behind the neurons"
            yield limit.lacks(layer.name, "pool", has, "sum pooling behind neurons", advice)
        if layer.kernel != layer.stride or len(set(layer.kernel)) > 1 or any(layer.padding):
            has = f"kernel {layer.kernel}, stride {layer.stride}, padding {layer.padding}"
            yield limit.lacks(layer.name, "pool", has, "kernel = stride, no padding", "use a pool of 2")
        elif layer.kernel[0] not in limit.value:
            yield limit.lacks(layer.name, "pool", f"{layer.kernel[0]}", sizes, "pool in steps of 2 or 4")

    def _network(self, network: LayerGraph, cores: dict[str, int]) -> Iterator[Need]:
        limits, there = self.profile, len(self.kernels)
        weighted = network.weighted
        for layer in network.takers["input"]:
            side = max(layer.in_shape[1:], default=1)
            yield limits["input"].need(layer.name, side, "make images smaller")
        for name in network.outputs:
            if name in network.by_name:
                count = network.by_name[name].outputs
                advice = "let one neuron stand for a class, and have fewer classes"
                yield limits["classes"].need(name, count, advice)
        few = f"use a network of at most {there} layers with weights"
        unit = "layers with weights, a core each"
        yield limits["kernel_words"].need("", len(weighted), few, allowed=there, unit=unit)
        fitting = [layer for layer in weighted if any(self._holds(layer))]
        if len(weighted) <= there and len(cores) < len(fitting):
            lost = ", ".join(layer.name for layer in fitting if layer.name not in cores)
            advice = f"make {lost} or another layer of its size smaller: cores of that size are all taken"
            unit = "layers that need a core of their own"
            yield limits["kernel_words"].need("", len(fitting), advice, allowed=len(cores), unit=unit)

    def _notes(self, network: LayerGraph) -> Iterator[str]:
        if network.analog_input:
            yield "its input is not made of events: the chip takes events alone, so encode it as spikes"
        bare = [n for n in network.outputs if n in network.by_name and network.by_name[n].weighted]
        if bare:
            names = ", ".join(bare)
            yield f"{names} ends the network without neurons; on the chip it has some: spikes are read out"
        if network.feedback:
            names = ", ".join(f"{sender.name} to {taker.name}" for sender, taker in network.feedback[:3])
            yield f"it has feedback ({names}), with which the chip can deadlock"

    def _holds(self, layer: Layer) -> list[bool]:
        """Return for each core whether it has the memory for a layer."""
        kernel, neurons = kernel_words(layer), neuron_words(layer)
        memories = zip(self.kernels, self.neurons, strict=True)
        return [kernel <= words and neurons <= room for words, room in memories]

    def _cores(self, network: LayerGraph) -> dict[str, int]:
        """Return a core for each layer that gets one, as many as can be."""
        weighted = network.weighted
        holds = np.array([self._holds(layer) for layer in weighted], dtype=np.int8)
        if not holds.any():
            return {}
        matched = maximum_bipartite_matching(csr_array(holds), perm_type="column")
        return {layer.name: int(core) for layer, core in zip(weighted, matched, strict=True) if core >= 0}


def _kernel(layer: Layer) -> tuple[int, ...]:
    """Return the kernel of a layer, or of the convolution that a fully connected layer is."""
    return layer.kernel if layer.kind == "conv" else layer.in_shape[1:] or (1, 1)


def _bits(n: int) -> int:
    """Return ceil(log2 n)."""
    return (n - 1).bit_length()
