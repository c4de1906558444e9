"""Workers as processes of this machine: what takes part in the work if nothing else is named."""

from __future__ import annotations

import pickle
import signal
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import Any

from snnplug.contracts.execution import Answer, Build
from snnplug.engine.execution.worker import Worker

__all__ = ["Processes"]

_FAREWELL = 5.0  # seconds that a process whose pipe has closed may take to end by itself


class Processes:
    """Processes of this machine, each with a pipe of its own; they end with this one, however that ends.

    Args:
        build, workers: as every executor takes them.

    Raises:
        Exception: `build` cannot be pickled; whatever pickle raises.
    """

    def __init__(self, build: Build, workers: int) -> None:
        self._orders = pickle.dumps(build)
        self._workers: dict[int, Worker] = {}

    def start(self, number: int) -> None:
        """Start a process."""
        self._workers[number] = Worker(self._orders, number)

    def give(self, number: int, item: Any) -> None:
        """Send an item through the pipe."""
        self._workers[number].give(item)

    def answers(self, seconds: float | None) -> Iterator[Answer]:
        """Yield what comes through the pipes."""
        pipes = {worker.pipe: number for number, worker in self._workers.items()}
        for pipe in wait(list(pipes), seconds):
            number = pipes[pipe]  # type: ignore[index]
            try:
                yield Answer(number, self._workers[number].receive())
            except (EOFError, OSError):
                yield Answer(number, lost=_cause(self._workers.pop(number).end(_FAREWELL)))

    def end(self, number: int) -> None:
        """End a process."""
        self._workers.pop(number).end()

    def close(self) -> None:
        """End all."""
        while self._workers:
            self._workers.popitem()[1].end()


def _cause(code: int | None) -> str:
    if code is not None and code == -getattr(signal, "SIGKILL", 9):  # Windows has no such signal
        return "killed, as by a system out of memory: fewer workers need less"
    if code is not None and code < 0:
        return f"ended by signal {signal.Signals(-code).name}"
    return f'exit code {code}; a script that starts workers must do so under `if __name__ == "__main__":`'
