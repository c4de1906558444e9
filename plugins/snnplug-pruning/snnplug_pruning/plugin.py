"""What snnplug-pruning offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import CallbackSpec, hookimpl


@hookimpl
def snnplug_callbacks() -> Iterable[CallbackSpec]:
    """Return the callbacks."""
    yield CallbackSpec(
        name="gradual_pruning",
        target="snnplug_pruning.gradual:GradualPruning",
        summary="Set more and more of the smallest weights to zero while the network trains.",
        reference="Zhu and Gupta, 2017, arXiv:1710.01878",
    )
