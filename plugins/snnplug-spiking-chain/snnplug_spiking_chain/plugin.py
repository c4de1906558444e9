"""What snnplug-spiking-chain offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import ScorerSpec, hookimpl


@hookimpl
def snnplug_scorers() -> Iterable[ScorerSpec]:
    """Return the score."""
    yield ScorerSpec(
        name="spiking_chain",
        target="snnplug_spiking_chain.score:SpikingChain",
        summary="Longest chain of spiking layers in the graph, with rising thresholds; builds nothing.",
        cost="model",
    )
