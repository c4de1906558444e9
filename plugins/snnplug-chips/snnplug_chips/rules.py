"""What several chips ask of the order of layers, and of neurons."""

from __future__ import annotations

from collections.abc import Iterator

from snnplug import Layer, LayerGraph, Need
from snnplug_chips.profile import Limit

__all__ = ["known_layers", "plain_neurons", "weights_before_neurons"]

_WORDS = {"conv": "convolution", "linear": "fully connected", "pool": "pooling", "neuron": "neurons"}
_ADVICE = {
    "norm": "put it right behind a layer with weights, of which it then becomes a part",
    "pool": "leave it out, and let a convolution have a larger stride",
    "conv": "use fully connected layers",
    "other": "leave it out, or say the same with layers that the chip has",
}


def known_layers(network: LayerGraph, kinds: Limit) -> Iterator[Need]:
    """Yield a line for each layer of a kind that a chip does not have."""
    there = ", ".join(_WORDS[kind] for kind in kinds.value)
    for layer in network.layers:
        if layer.kind not in kinds.value:
            yield kinds.lacks(layer.name, "layer", layer.operation, there, _ADVICE[layer.kind])


def plain_neurons(
    network: LayerGraph, limit: Limit, *, leak: bool, resets: tuple[str, ...]
) -> Iterator[Need]:
    """Yield a line for each layer of neurons that a chip of integrate-and-fire neurons does not have.

    Args:
        network: whose neurons.
        limit: whose source is named.
        leak: the chip has leaky neurons too.
        resets: that it has.
    """
    there = f"{'leaky ' if leak else ''}integrate-and-fire neurons"
    for layer in network.neurons:
        facts = layer.neuron
        assert facts is not None
        if facts.analog or facts.windowed or facts.graded:
            sends = "a window at once" if facts.windowed else "graded spikes"
            sends = "analog values" if facts.analog else sends
            advice = f"choose the neuron {'lif or if' if leak else 'if'}"
            yield limit.lacks(layer.name, "neuron", f"{layer.operation} ({sends})", there, advice)
        elif facts.leak is None or (facts.leak != 1 and not leak):
            has = f"{layer.operation} (leaks)" if facts.leak is not None else layer.operation
            advice = "choose the neuron if" if not leak else "choose the neuron lif or if"
            yield limit.lacks(layer.name, "neuron", has, there, advice)
        elif facts.reset and facts.reset not in resets:
            told, other = " or ".join(resets), resets[0]
            yield limit.lacks(layer.name, "reset", facts.reset, told, f'set reset = "{other}" for the neuron')


def weights_before_neurons(network: LayerGraph, limit: Limit) -> Iterator[Need]:
    """Yield a line where neurons do not take the currents of one layer of weights, or weights follow weights.

    Pools between the two are looked through; those of the network's output may have no neurons.
    """
    for layer in network.neurons:
        senders = _senders(network, layer)
        currents = [sender for sender in senders if sender is not None and sender.weighted]
        if len(currents) > 1:
            advice = "give each of these layers neurons of its own, and add their spikes"
            has = f"currents of {len(currents)} layers of weights, added"
            yield limit.lacks(layer.name, "inputs of neurons", has, "those of one", advice)
        elif not currents or len(senders) > 1:
            advice = "put a convolution or fully connected layer between"
            yield limit.lacks(layer.name, "inputs of neurons", "no layer of weights", "one", advice)
    for layer in network.weighted:
        behind = network.after(layer, ("neuron", "conv", "linear"))
        if any(taker.weighted for taker in behind):
            names = ", ".join(taker.name for taker in behind if taker.weighted)
            advice = f"put neurons between it and {names}"
            yield limit.lacks(layer.name, "layers", "weights behind weights", "neurons between them", advice)


def _senders(network: LayerGraph, layer: Layer) -> list[Layer | None]:
    """Return what a layer takes, looking through pools and norms; None stands for the network's input."""
    found: list[Layer | None] = []
    for name in layer.inputs:
        sender = network.by_name.get(name)
        if sender is not None and sender.kind in ("pool", "norm", "other"):
            found += _senders(network, sender)
        else:
            found.append(sender)
    return found
