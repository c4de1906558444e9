"""Work for worker processes: they import this module by name, as they cannot import tests."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from snnplug import Answer
from snnplug.engine.execution.orders import in_worker
from snnplug.engine.execution.processes import Processes
from snnplug.errors import ContractError


def raising(number: int) -> Any:
    """Fail to build."""
    raise ContractError(f"worker {number} has nothing to build with")


def failing(number: int) -> Callable[[Any], Any]:
    """Fail at each item."""

    def work(item: Any) -> Any:
        raise ZeroDivisionError(f"{number}, {item}")

    return work


def doubling(number: int) -> Callable[[Any], Any]:
    """Double an item, and say whether this is a worker."""
    return lambda item: (2 * item, in_worker())


class Shuffled(Processes):
    """Processes whose answers come in another order.

    Args:
        build, workers: as of every executor.
        seed: of the order.
    """

    def __init__(self, build: Any, workers: int, *, seed: int = 0) -> None:
        super().__init__(build, workers)
        self.rng = random.Random(seed)
        self.held: list[Answer] = []

    def answers(self, seconds: float | None) -> Iterable[Answer]:  # type: ignore[override]
        """Return one of those that have come."""
        self.held += super().answers(0.2 if self.held else seconds)
        self.rng.shuffle(self.held)
        return [self.held.pop()] if self.held else []
