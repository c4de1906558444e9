"""Workers as actors of Ray: one actor a worker, wherever the cluster has room for it.

The engine of snnplug keeps order, tries again and writes; Ray places actors and says which have died. So Ray
restarts no actor and repeats no call.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import RayActorError, RayError, RayTaskError

from snnplug import Answer
from snnplug.errors import RunFailed, one_line

__all__ = ["Actors"]

_STORE = 100 * 2**20  # bytes for objects on this machine: an item has some hundreds
_REACHED = 10.0  # seconds
_BOUND = "OMP_NUM_THREADS"  # Ray sets it in actors; what holds here holds there


class Actors:
    """Actors of Ray.

    Args:
        build, workers: as every executor takes them.
        address, cpus, gpus: as `snnplug_ray.executor.ray_actors` takes them.

    Raises:
        RunFailed: the cluster does not answer, or no node of it has room for a worker.
    """

    def __init__(
        self,
        build: Callable[[int], Callable[[Any], Any]],
        workers: int,
        *,
        address: str,
        cpus: float,
        gpus: float,
    ) -> None:
        self._orders = cloudpickle.dumps(build)
        self._actors: dict[int, Any] = {}
        self._owed: dict[Any, int] = {}  # workers by what they owe an answer to
        self._ours = not ray.is_initialized()
        if self._ours:
            _connect(address, math.ceil(workers * cpus))
        kept = {_BOUND: os.environ[_BOUND]} if _BOUND in os.environ else {}
        self._actor = ray.remote(_Worker).options(
            num_cpus=cpus,
            num_gpus=gpus,
            max_restarts=0,
            max_task_retries=0,
            runtime_env={"env_vars": kept},
        )
        try:
            _check_room(cpus, gpus)
        except RunFailed:
            self.close()
            raise

    def start(self, number: int) -> None:
        """Ask for an actor; it starts when there is room."""
        actor = self._actors[number] = self._actor.remote(self._orders, number, os.getcwd())
        self._owed[actor.ready.remote()] = number

    def give(self, number: int, item: Any) -> None:
        """Let an actor work on an item."""
        self._owed[self._actors[number].work.remote(item)] = number

    def answers(self, seconds: float | None) -> Iterator[Answer]:
        """Yield what actors have answered, and which have died."""
        done, _ = ray.wait(list(self._owed), num_returns=1, timeout=seconds)
        more, _ = ray.wait(list(self._owed), num_returns=len(self._owed), timeout=0)
        for owed in dict.fromkeys((*done, *more)):
            number = self._owed.pop(owed)
            try:
                yield Answer(number, ray.get(owed))
            except RayTaskError as error:  # building and working do not raise: it could not be read there
                raise RunFailed(f"worker {number} of Ray failed: {one_line(error.cause)}") from error
            except RayActorError as error:
                self._actors.pop(number, None)
                yield Answer(number, lost=f"its actor of Ray died: {_reason(error)}")
            except RayError as error:
                raise RunFailed(f"Ray failed: {one_line(error)}") from error

    def end(self, number: int) -> None:
        """Kill an actor."""
        self._owed = {owed: worker for owed, worker in self._owed.items() if worker != number}
        ray.kill(self._actors.pop(number))

    def close(self) -> None:
        """Kill all actors, and end a cluster that was started here."""
        with contextlib.suppress(RayError, ConnectionError):  # it is gone
            while self._actors:
                ray.kill(self._actors.popitem()[1])
        if self._ours:
            ray.shutdown()


class _Worker:
    def __init__(self, orders: bytes, number: int, folder: str) -> None:
        if os.path.isdir(folder):
            os.chdir(folder)  # paths of a recipe may be relative
        self._work: Callable[[Any], Any] = cloudpickle.loads(orders)(number)

    def ready(self) -> None:
        """Answer when it has been built."""

    def work(self, item: Any) -> Any:
        return self._work(item)


def _connect(address: str, cpus: int) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    named = address or os.environ.get("RAY_ADDRESS", "") or "local"
    if named == "local":
        settings |= {
            "num_cpus": cpus,
            "object_store_memory": _STORE,
            "include_dashboard": False,
        }
    try:
        _reach(named)
        ray.init(named, **settings)
    except (ConnectionError, RuntimeError, ValueError, OSError, RayError) as error:
        raise RunFailed(
            f"no cluster of Ray at address = {named!r}: {one_line(error)}; start one with "
            "`ray start --head`, or leave address out for one of this machine alone"
        ) from error


def _reach(address: str) -> None:
    """Connect to HOST:PORT once: Ray itself goes on trying for many minutes.

    Raises:
        OSError: nobody answers there.
    """
    host, separator, port = address.rpartition("://")[2].partition("/")[0].rpartition(":")
    if separator and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACHED).close()


def _check_room(cpus: float, gpus: float) -> None:
    """Refuse workers for which no node is large enough, however long they wait.

    Raises:
        RunFailed: there is none.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(node.get("CPU", 0) >= cpus and node.get("GPU", 0) >= gpus for node in nodes):
        most = {name: max((node.get(name, 0) for node in nodes), default=0) for name in ("CPU", "GPU")}
        raise RunFailed(
            f"no node of the cluster has cpus = {cpus:g} and gpus = {gpus:g} for a worker; the largest have "
            f"{most['CPU']:g} CPUs and {most['GPU']:g} GPUs"
        )


def _reason(error: RayActorError) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if "died" in line.lower() or "kill" in line.lower()]
    return " ".join((said[-1] if said else lines[0]).split())
