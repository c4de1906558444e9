"""What snnplug-autosnn offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import ArchitectureSpec, ScorerSpec, SearchSpaceSpec, hookimpl

_REFERENCE = "Na et al., ICML 2022, arXiv:2201.12738"


@hookimpl
def snnplug_search_spaces() -> Iterable[SearchSpaceSpec]:
    """Return the AutoSNN search space."""
    yield SearchSpaceSpec(
        name="autosnn",
        target="snnplug_autosnn.space:AutoSNN",
        summary="AutoSNN: spiking convolution, residual or skip blocks in a fixed backbone of pools.",
        reference=_REFERENCE,
        components={"neuron": "neuron"},
    )


@hookimpl
def snnplug_architectures() -> Iterable[ArchitectureSpec]:
    """Return the network of given blocks."""
    yield ArchitectureSpec(
        name="autosnn_network",
        target="snnplug_autosnn.architecture:autosnn_network",
        summary="The AutoSNN network of given blocks, found or made by hand, without a search.",
        reference=_REFERENCE,
        components={"neuron": "neuron"},
    )


@hookimpl
def snnplug_scorers() -> Iterable[ScorerSpec]:
    """Return the fitness of AutoSNN."""
    yield ScorerSpec(
        name="spike_aware_fitness",
        target="snnplug_autosnn.fitness:SpikeAwareFitness",
        summary="Accuracy with inherited weights, times spikes over their average to a negative power.",
        reference=_REFERENCE,
        inherits=True,
        components={"energy": "energy_model"},
    )
