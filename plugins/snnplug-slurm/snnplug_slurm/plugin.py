"""What snnplug-slurm offers. Imports no submitit."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import ExecutorSpec, hookimpl


@hookimpl
def snnplug_executors() -> Iterable[ExecutorSpec]:
    """Return the executor."""
    yield ExecutorSpec(
        name="slurm",
        target="snnplug_slurm.executor:slurm_jobs",
        summary="Jobs of SLURM that take one item after the other, submitted with submitit.",
        reference="Yoo, Jette and Grondona, JSSPP 2003, doi:10.1007/10968987_3",
    )
