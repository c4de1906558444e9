"""What snnplug-spiking-depth offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import ScorerSpec, hookimpl


@hookimpl
def snnplug_scorers() -> Iterable[ScorerSpec]:
    """Return the score."""
    yield ScorerSpec(
        name="spiking_depth",
        target="snnplug_spiking_depth.score:SpikingDepth",
        summary="Longest chain of neurons, and how much more information its stages carry at their entry.",
        cost="forward",
    )
