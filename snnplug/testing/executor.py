"""Conformance of executors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from snnplug.contracts.execution import Answer, Build, Executor
from snnplug.errors import SnnplugError
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance

__all__ = ["ExecutorConformance"]


def _doubling(number: int) -> Callable[[Any], Any]:
    """What workers of the checks do: say their number and twice the item; "die" and "stick" are orders."""

    def work(item: Any) -> Any:
        if item == "die":
            import os

            os._exit(3)
        if item == "stick":
            time.sleep(600)
        return number, item * 2

    return work


class ExecutorConformance(Conformance):
    """Checks of an executor: workers that start, work, die and are ended.

    Where there is no such system on this machine, the executor raises an error of `snnplug.errors` when it is
    built, and the checks are skipped.

    Attributes:
        patience: seconds in which a worker starts, and in which one that died is missed.
    """

    kind = "executor"
    patience: float = 120.0

    @pytest.fixture
    def executor(self, component: Component) -> Iterator[Executor]:
        """Yield an executor of two workers, which is closed in the end."""
        executor = self.build(component, _doubling, 2)
        yield executor
        executor.close()

    def build(self, component: Component, build: Build, workers: int) -> Executor:
        """Return an executor, or skip the check where there is none."""
        try:
            executor: Executor = component.build(build, workers)
        except SnnplugError as error:
            pytest.skip(str(error))
        return executor

    def hear(self, executor: Executor, count: int) -> list[Answer]:
        """Return as many answers as are expected, or fail after the time that they may take."""
        found: list[Answer] = []
        until = time.monotonic() + self.patience
        while len(found) < count and time.monotonic() < until:
            found += executor.answers(1.0)
        assert len(found) == count, (
            f"{count} answers were expected within {self.patience:g} s, and these came: {found}; yield one "
            "for each worker that is ready, has a result or has died"
        )
        return found

    def test_workers_say_that_they_are_ready_and_work(self, executor: Executor) -> None:
        """The first answer of a worker has no result, each further one that of its item."""
        executor.start(0)
        executor.start(1)
        first = sorted(self.hear(executor, 2), key=lambda answer: answer.worker)
        assert first == [Answer(0), Answer(1)], (
            f"two workers were started, and said {first}; once `build(number)` has returned, answer with the "
            "number of the worker alone"
        )
        for item in (3, 4):
            executor.give(1, item)
            (answer,) = self.hear(executor, 1)
            assert answer == Answer(1, (1, 2 * item)), (
                f"worker 1 was given {item}, and answered {answer}; it calls what `build(1)` returned with "
                "the item, and gives back the result"
            )

    def test_a_worker_that_dies_is_said(self, executor: Executor) -> None:
        """A worker whose process ends is one answer with the reason; another may take its number."""
        executor.start(0)
        self.hear(executor, 1)
        executor.give(0, "die")
        (answer,) = self.hear(executor, 1)
        assert answer.worker == 0 and answer.lost, (
            f"the process of a worker has ended, and {answer} came; answer with `lost`, the reason"
        )
        assert "\n" not in answer.lost, f"the reason must be one line, got {answer.lost!r}"
        executor.start(0)
        assert self.hear(executor, 1) == [Answer(0)], "a worker cannot be started in place of a dead one"
        executor.give(0, 5)
        assert self.hear(executor, 1) == [Answer(0, (0, 10))], "a worker in place of a dead one does not work"

    def test_a_worker_that_sticks_is_ended(self, executor: Executor) -> None:
        """`end` ends a busy worker, of which nothing more is heard; the others go on."""
        executor.start(0)
        executor.start(1)
        self.hear(executor, 2)
        executor.give(0, "stick")
        executor.end(0)
        executor.give(1, 6)
        assert self.hear(executor, 1) == [Answer(1, (1, 12))], "of a worker that was ended more was heard"

    def test_waiting_has_an_end(self, executor: Executor) -> None:
        """Where nothing is to be heard, `answers` returns after the seconds that it may wait."""
        executor.start(0)
        self.hear(executor, 1)
        began = time.monotonic()
        found = list(executor.answers(0.2))
        assert not found and time.monotonic() - began < self.patience, (
            f"answers(0.2) of an idle worker gave {found} after {time.monotonic() - began:.1f} s; return "
            "nothing once the time is over"
        )

    def test_closing_ends_busy_workers(self, component: Component) -> None:
        """`close` returns though a worker is busy, and without any worker."""
        executor = self.build(component, _doubling, 1)
        executor.start(0)
        self.hear(executor, 1)
        executor.give(0, "stick")
        executor.close()
        self.build(component, _doubling, 1).close()
