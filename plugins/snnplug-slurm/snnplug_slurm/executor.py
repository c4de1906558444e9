"""The executor, which imports submitit when it is built and not before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt

from snnplug import Executor
from snnplug.errors import RunFailed, one_line

__all__ = ["slurm_jobs"]


def slurm_jobs(
    build: Callable[[int], Callable[[Any], Any]],
    workers: int,
    *,
    partition: str = "",
    account: str = "",
    minutes: Annotated[int, Gt(0)] = 240,
    cpus: Annotated[int, Gt(0)] = 1,
    gpus: Annotated[int, Ge(0)] = 0,
    memory: Annotated[float, Ge(0)] = 0.0,
    host: str = "",
    folder: str = "slurm_jobs",
    cluster: Literal["slurm", "local"] = "slurm",
) -> Executor:
    """Return jobs of SLURM.

    Args:
        build, workers: as every executor takes them.
        partition, account: of SLURM; empty for the cluster's defaults.
        minutes: time limit of a job.
        cpus, gpus: of a job.
        memory: of a job, in GB; 0 for the cluster's default.
        host: name under which jobs reach this machine; empty for its own.
        folder: for submitit's files, on a disk that every node sees.
        cluster: "slurm"; "local" starts the jobs as processes of this machine.

    Raises:
        RunFailed: submitit is not installed, there is no SLURM here, or it refuses a job.
    """
    try:
        from snnplug_slurm.jobs import Jobs
    except ImportError as error:
        raise RunFailed(f"submitit cannot be imported ({one_line(error)}): pip install submitit") from error
    return Jobs(
        build,
        workers,
        partition=partition,
        account=account,
        minutes=minutes,
        cpus=cpus,
        gpus=gpus,
        memory=memory,
        host=host,
        folder=folder,
        cluster=cluster,
    )
