"""What snnplug-ray offers. Imports no ray."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import ExecutorSpec, hookimpl


@hookimpl
def snnplug_executors() -> Iterable[ExecutorSpec]:
    """Return the executor."""
    yield ExecutorSpec(
        name="ray",
        target="snnplug_ray.executor:ray_actors",
        summary="Actors of Ray, on a cluster that runs already or on one of this machine alone.",
        reference="Moritz et al., OSDI 2018, arXiv:1712.05889",
    )
