"""What snnplug-ann offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import NeuronSpec, hookimpl


@hookimpl
def snnplug_neurons() -> Iterable[NeuronSpec]:
    """Return the activations."""
    yield NeuronSpec(
        name="relu",
        target="snnplug_ann.activation:ReLU",
        summary="ReLU in place of a neuron, for the ordinary ANN: analog values, no spikes.",
        reference="Nair and Hinton, ICML 2010",
        analog=True,
    )
    yield NeuronSpec(
        name="relu6",
        target="snnplug_ann.activation:ReLU6",
        summary="ReLU cut at 6 in place of a neuron: analog values, no spikes.",
        reference="Krizhevsky, 2010, Convolutional deep belief networks on CIFAR-10",
        analog=True,
    )
    yield NeuronSpec(
        name="clamp",
        target="snnplug_ann.activation:Clamp",
        summary="ReLU cut at a bound in place of a neuron: analog values, no spikes.",
        reference="Krizhevsky, 2010, Convolutional deep belief networks on CIFAR-10",
        analog=True,
    )
