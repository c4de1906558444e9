"""What acme-adaptive offers. Imports no torch."""

from collections.abc import Iterable

from snnplug import NeuronSpec, hookimpl


@hookimpl
def snnplug_neurons() -> Iterable[NeuronSpec]:
    """Return the neuron."""
    yield NeuronSpec(
        name="adaptive_lif",
        target="acme_adaptive.neuron:AdaptiveLif",
        summary="Leaky integrate-and-fire neuron whose threshold rises with its own spikes.",
        reference="Bellec et al., NeurIPS 2018, arXiv:1803.09574",
    )
