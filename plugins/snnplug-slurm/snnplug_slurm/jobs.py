"""Workers as jobs of SLURM, which connect to this program and stay as long as there is work.

A job a candidate would wait in the queue longer than it computes; so a job is a worker. submitit submits,
watches and cancels; items go through a connection of `multiprocessing`.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, Pipe, wait
from queue import SimpleQueue
from threading import Thread
from typing import Any

import submitit

from snnplug import Answer
from snnplug.errors import RunFailed, one_line
from snnplug_slurm.job import work_for

__all__ = ["Jobs"]

_LOOK = 5.0  # seconds between two looks at jobs that have not connected yet
_FAREWELL = 3.0  # seconds that idle jobs may take to end


class Jobs:
    """Jobs of SLURM.

    Args:
        build, workers: as every executor takes them.
        partition, ..., cluster: as `snnplug_slurm.executor.slurm_jobs` takes them.

    Raises:
        RunFailed: there is no SLURM here, or it refuses a job.
    """

    def __init__(
        self,
        build: Callable[[int], Callable[[Any], Any]],
        workers: int,
        *,
        partition: str,
        account: str,
        minutes: int,
        cpus: int,
        gpus: int,
        memory: float,
        host: str,
        folder: str,
        cluster: str,
    ) -> None:
        self._orders = pickle.dumps(build)
        try:
            self._executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
            self._executor.update_parameters(
                name="snnplug", timeout_min=minutes, cpus_per_task=cpus, gpus_per_node=gpus
            )
            if cluster == "slurm":
                named = {"slurm_partition": partition, "slurm_account": account, "mem_gb": memory}
                self._executor.update_parameters(**{name: value for name, value in named.items() if value})
        except Exception as error:  # submitit raises whatever it meets
            raise RunFailed(
                f"no jobs of cluster = {cluster!r} from here: {one_line(error)}; start snnplug on a machine "
                'that has `sbatch`, or try cluster = "local"'
            ) from error
        self._host = host or ("localhost" if cluster == "local" else socket.getfqdn())
        self._secret = secrets.token_bytes(32)
        self._jobs: dict[int, Any] = {}
        self._pipes: dict[int, Connection] = {}
        self._arrived: SimpleQueue[tuple[int, Connection]] = SimpleQueue()
        self._bell, self._knock = Pipe(duplex=False)
        listening = "localhost" if cluster == "local" else ""
        self._listener = Listener((listening, 0), backlog=1024, authkey=self._secret)
        Thread(target=self._open, name="snnplug-slurm", daemon=True).start()

    def start(self, number: int) -> None:
        """Submit a job."""
        port = self._listener.address[1]
        try:
            job = self._executor.submit(work_for, self._host, port, self._secret, number, os.getcwd())
        except Exception as error:  # submitit raises whatever it meets
            raise RunFailed(f"SLURM takes no job: {one_line(error)}") from error
        self._jobs[number] = job

    def give(self, number: int, item: Any) -> None:
        """Send an item to a job."""
        with contextlib.suppress(OSError):  # it has ended, which is seen when its answer is read
            self._pipes[number].send(item)

    def answers(self, seconds: float | None) -> Iterator[Answer]:
        """Yield what jobs have answered, and which have ended."""
        until = math.inf if seconds is None else time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            heard = list(self._heard(max(0.0, min(left, _LOOK if self._missing else math.inf))))
            yield from heard
            if heard or left <= 0:
                return

    def end(self, number: int) -> None:
        """Cancel a job."""
        if (pipe := self._pipes.pop(number, None)) is not None:
            pipe.close()
        with contextlib.suppress(Exception):  # it has ended, or SLURM does not answer
            self._jobs.pop(number).cancel(check=False)

    def close(self) -> None:
        """Hang up, and cancel the jobs that do not end by themselves."""
        while self._pipes:
            self._pipes.popitem()[1].close()
        until = time.monotonic() + _FAREWELL
        while time.monotonic() < until and not all(job.done() for job in self._jobs.values()):
            time.sleep(0.1)
        for number in list(self._jobs):
            self.end(number)
        self._listener.close()

    @property
    def _missing(self) -> list[int]:
        return [number for number in self._jobs if number not in self._pipes]

    def _open(self) -> None:
        """Let jobs in as they connect, and ring for each."""
        while True:
            try:
                pipe = self._listener.accept()
                self._arrived.put((pipe.recv(), pipe))
                self._knock.send(None)
            except (AuthenticationError, EOFError, ConnectionError):  # a stranger, or one that ended at once
                continue
            except OSError:  # closed
                return

    def _heard(self, seconds: float) -> Iterator[Answer]:
        pipes = {pipe: number for number, pipe in self._pipes.items()}
        for pipe in wait([*pipes, self._bell], None if seconds == math.inf else seconds):
            if pipe is self._bell:
                self._bell.recv()
                number, connection = self._arrived.get()
                self._pipes[number] = connection
                connection.send_bytes(self._orders)
                continue
            number = pipes[pipe]
            try:
                yield Answer(number, pipe.recv())
            except (EOFError, OSError):
                yield self._lost(number)
        for number in self._missing:
            if self._jobs[number].done():
                yield self._lost(number)

    def _lost(self, number: int) -> Answer:
        job = self._jobs[number]
        state, said = job.state, (job.stderr() or "").strip().splitlines()[-1:]
        self.end(number)
        why = f"job {job.job_id}, last seen {state}, has hung up: {''.join(said)}"
        return Answer(number, lost=why.rstrip(": "))
