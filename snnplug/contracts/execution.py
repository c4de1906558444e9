"""Executors: workers anywhere, to which the engine hands its work item by item."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import attrs

__all__ = ["Answer", "Build", "Executor"]

Build = Callable[[int], Callable[[Any], Any]]
"""What a worker calls once, with its number, for the function that its items go through; neither raises."""


@attrs.frozen
class Answer:
    """What was heard of a worker.

    Attributes:
        worker: its number.
        result: of its item; the first answer of a worker has none, and says that it is ready for one.
        lost: why it has ended, empty as long as it has not.
    """

    worker: int
    result: Any = None
    lost: str = ""


class Executor(Protocol):
    """Workers that can be started, given items, and ended. Built as `target(build, workers, *, ...)`.

    `build` is a picklable `snnplug.Build`, `workers` the largest number of them at a time. The engine decides
    what is done where, what is tried again and how long it may take; an executor only carries it there and
    back. It keeps no order, and never opens a run directory.
    """

    def start(self, number: int) -> None:
        """Begin to start a worker of that number, which calls `build(number)`; do not wait for it."""

    def give(self, number: int, item: Any) -> None:
        """Let a worker that is ready work on a picklable item."""

    def answers(self, seconds: float | None) -> Iterable[Answer]:
        """Return what has been heard, after waiting for it at most so long; None waits until there is any."""

    def end(self, number: int) -> None:
        """End a worker, also one that is stuck; nothing more is heard of it."""

    def close(self) -> None:
        """End all workers and what belongs to them."""
