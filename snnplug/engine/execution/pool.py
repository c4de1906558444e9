"""Items through the workers of an executor: who gets what, what is tried again, and what takes too long."""

from __future__ import annotations

import itertools
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs

from snnplug.contracts.execution import Answer, Executor
from snnplug.engine.execution.orders import Raised
from snnplug.errors import RunFailed

__all__ = ["Late", "Lost", "Pool"]

_LOOK_AGAIN = 3600.0  # seconds; a system waits only so long at a time
_FALSE_STARTS = 2  # workers that end one after the other before any has begun


@attrs.frozen
class Lost:
    """No result of an item: the second worker that had it has died, too."""

    cause: str


@attrs.frozen
class Late:
    """No result of an item: it took longer than it may."""

    seconds: float


@attrs.define(eq=False)
class _Task:
    number: int
    item: Any
    deaths: int = 0
    began: float = 0.0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


class Pool:
    """Workers, started when there is work for them, each of which has one item at a time.

    An item whose worker dies is tried once more.

    Args:
        executor: starts them; it is closed with the pool.
        workers: largest number at a time.
        timeout: seconds that an item may take; building what a worker needs does not count.
        ahead: how many items may be begun beyond the first one that is not finished; by default any number.
        begun: called with the number of each item that a worker begins with.
    """

    def __init__(
        self,
        executor: Executor,
        workers: int,
        *,
        timeout: float = math.inf,
        ahead: float = math.inf,
        begun: Callable[[int], None] | None = None,
    ) -> None:
        self._executor, self._count, self._timeout = executor, workers, timeout
        self._ahead, self._begun = ahead, begun
        self._starting: set[int] = set()
        self._idle: list[int] = []
        self._busy: dict[int, _Task] = {}
        self._false_starts = 0

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.close()

    def __call__(self, items: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Yield the number of each item with its result, `Lost` or `Late`, in no fixed order.

        Raises:
            SnnplugError: of a worker.
            RunFailed: workers end before they have begun.
        """
        waiting = deque(itertools.starmap(_Task, enumerate(items)))
        while waiting or self._busy:
            self._hand_out(waiting)
            for answer in self._executor.answers(self._patience()):
                yield from self._hear(answer, waiting)
            if self._late():
                for answer in self._executor.answers(0.0):  # in time after all
                    yield from self._hear(answer, waiting)
            for number in self._late():
                task = self._busy.pop(number)
                self._executor.end(number)
                yield task.number, Late(task.seconds)

    def _hand_out(self, waiting: deque[_Task]) -> None:
        while waiting and self._idle and waiting[0].number < self._first_open() + self._ahead:
            task, number = waiting.popleft(), self._idle.pop(0)
            task.began, self._busy[number] = time.monotonic(), task
            self._executor.give(number, task.item)
            if self._begun is not None:
                self._begun(task.number)
        while len(self._starting) < len(waiting):
            taken = {*self._starting, *self._idle, *self._busy}
            if len(taken) >= self._count:
                return
            number = next(n for n in range(self._count) if n not in taken)  # that of a dead one, too
            self._starting.add(number)
            self._executor.start(number)

    def _hear(self, answer: Answer, waiting: deque[_Task]) -> Iterator[tuple[int, Any]]:
        number = answer.worker
        if answer.lost:
            yield from self._bury(number, answer.lost, waiting)
        elif number in self._starting:
            self._starting.remove(number)
            self._idle.append(number)
            self._false_starts = 0
        elif number in self._busy:
            task = self._busy.pop(number)
            self._idle.append(number)
            if isinstance(answer.result, Raised):
                raise answer.result.error
            yield task.number, answer.result

    def _first_open(self) -> float:
        return min((task.number for task in self._busy.values()), default=math.inf)

    def _bury(self, number: int, cause: str, waiting: deque[_Task]) -> Iterator[tuple[int, Any]]:
        """Forget a worker that has died, and try its item once more."""
        if number in self._idle:
            self._idle.remove(number)
        elif number in self._starting:
            self._starting.remove(number)
            self._false_starts += 1
            if self._false_starts >= _FALSE_STARTS:
                raise RunFailed(f"{_FALSE_STARTS} workers ended before they could begin: {cause}")
        elif number in self._busy:
            task = self._busy.pop(number)
            task.deaths += 1
            if task.deaths > 1:
                yield task.number, Lost(cause)
            else:
                waiting.appendleft(task)

    def _late(self) -> list[int]:
        return [number for number, task in self._busy.items() if task.seconds > self._timeout]

    def _patience(self) -> float | None:
        """Return how long to wait until the first worker has used up its time, None for ever."""
        if self._timeout == math.inf or not self._busy:
            return None
        left = self._timeout - max(task.seconds for task in self._busy.values())
        return min(max(0.0, left) + 0.01, _LOOK_AGAIN)
