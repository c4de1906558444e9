"""The executor, which imports Ray when it is built and not before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from annotated_types import Ge, Gt

from snnplug import Executor
from snnplug.errors import RunFailed, one_line

__all__ = ["ray_actors"]


def ray_actors(
    build: Callable[[int], Callable[[Any], Any]],
    workers: int,
    *,
    address: str = "",
    cpus: Annotated[float, Gt(0)] = 1.0,
    gpus: Annotated[float, Ge(0)] = 0.0,
) -> Executor:
    """Return actors of Ray.

    Args:
        build, workers: as every executor takes them.
        address: of a cluster, such as "auto" for the one that this machine belongs to; "local" starts one on
            this machine that ends with the work; empty for what `RAY_ADDRESS` says, else as "local".
        cpus: that Ray reserves for a worker.
        gpus: that Ray reserves for a worker, such as 0.25 for four workers on each; it does not limit memory.

    Raises:
        RunFailed: Ray is not installed, the cluster does not answer, or no node of it has room for a worker.
    """
    try:
        from snnplug_ray.actors import Actors
    except ImportError as error:
        raise RunFailed(f"Ray cannot be imported ({one_line(error)}): pip install ray") from error
    return Actors(build, workers, address=address, cpus=cpus, gpus=gpus)
