"""Items through workers: who gets what, and what becomes of workers that die, stick or never begin."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pytest
from handed_out import doubling, failing, raising

from snnplug.contracts import Answer
from snnplug.engine.execution.orders import Orders, Raised, in_worker
from snnplug.engine.execution.pool import Late, Lost, Pool
from snnplug.engine.execution.processes import Processes
from snnplug.errors import ContractError, RunFailed
from snnplug.runs.records import Origin


class Scripted:
    """Workers that answer as they are told: an item is its result, or what happens to its worker."""

    def __init__(self, slow: int = 0, never: bool = False) -> None:
        self.said: list[Answer] = []
        self.given: list[tuple[int, Any]] = []
        self.started: list[int] = []
        self.ended: list[int] = []
        self.closed, self.never, self.slow = False, never, slow

    def start(self, number: int) -> None:
        self.started.append(number)
        self.said.append(Answer(number, lost="no memory") if self.never else Answer(number))

    def give(self, number: int, item: Any) -> None:
        self.given.append((number, item))
        if item == "dies" or (item == "dies once" and self.given.count((number, item)) == 1):
            self.said.append(Answer(number, lost="killed"))
        elif item != "sticks":
            self.said.append(Answer(number, item))

    def answers(self, seconds: float | None) -> Iterable[Answer]:
        assert self.said or seconds is not None, "it would wait for ever"
        said, self.said = self.said[-1:], self.said[:-1]  # the last first: no order is promised
        return said

    def end(self, number: int) -> None:
        self.ended.append(number)

    def close(self) -> None:
        self.closed = True


def through(items: list[Any], workers: int = 3, **more: Any) -> tuple[dict[int, Any], Scripted]:
    executor = Scripted()
    with Pool(executor, workers, **more) as pool:
        found = dict(pool(items))
    assert executor.closed
    return found, executor


def test_each_item_comes_back_once_whatever_the_order() -> None:
    found, executor = through(list("abcdefgh"))
    assert found == dict(enumerate("abcdefgh"))
    assert sorted(executor.started) == [0, 1, 2]
    assert len(executor.given) == 8


def test_no_more_workers_than_items_are_started_and_they_are_kept() -> None:
    executor = Scripted()
    with Pool(executor, 5) as pool:
        assert dict(pool(["a", "b"])) == {0: "a", 1: "b"}
        assert dict(pool(["c"])) == {0: "c"}
    assert executor.started == [0, 1]


def test_an_item_whose_worker_dies_is_tried_once_more_by_one_in_its_place() -> None:
    found, executor = through(["a", "dies once", "b"], workers=2)
    assert found == {0: "a", 1: "dies once", 2: "b"}
    assert [item for _, item in executor.given].count("dies once") == 2
    assert len(executor.started) == 3
    assert set(executor.started) == {0, 1}


def test_an_item_whose_workers_die_twice_is_lost_and_the_others_are_not() -> None:
    found, _ = through(["a", "dies", "b"], workers=2)
    assert found == {0: "a", 1: Lost("killed"), 2: "b"}


def test_a_worker_that_sticks_is_ended_after_the_time_limit() -> None:
    found, executor = through(["a", "sticks", "b"], workers=2, timeout=0.05)
    late = found.pop(1)
    assert isinstance(late, Late)
    assert late.seconds > 0.05
    assert found == {0: "a", 2: "b"}
    assert len(executor.ended) == 1


def test_workers_that_never_begin_end_the_work() -> None:
    executor = Scripted(never=True)
    with Pool(executor, 2) as pool, pytest.raises(RunFailed, match="before they could begin: no memory"):
        list(pool(["a"]))
    assert executor.closed


def test_how_far_items_are_begun_beyond_the_first_that_is_not_finished() -> None:
    begun: list[int] = []

    class Slow(Scripted):
        def give(self, number: int, item: Any) -> None:
            self.given.append((number, item))
            if item == 0:  # it answers after all others
                self.late = Answer(number, item)
            else:
                self.said.append(Answer(number, item))

        def answers(self, seconds: float | None) -> Iterable[Answer]:
            if not self.said:
                assert begun == [0, 1, 2, 3]
                return [self.late]
            return super().answers(seconds)

    executor = Slow()
    with Pool(executor, 2, ahead=4, begun=begun.append) as pool:
        first, *_ = order = [number for number, _ in pool(range(4))]
        assert first == 1
        assert order[-1] == 0
        begun.clear()
        found = pool(range(8))
        assert [next(found)[0] for _ in range(4)] == [1, 2, 3, 0]
        assert math.inf not in dict(found)


@pytest.mark.parametrize(
    ("build", "error", "said"),
    [(raising, ContractError, "nothing to build with"), (failing, RunFailed, "ZeroDivisionError: 0, 7")],
)
def test_what_goes_wrong_in_a_worker_is_raised_here(build: Any, error: type[Exception], said: str) -> None:
    with Pool(Processes(Orders(build, Origin()), 1), 1) as pool, pytest.raises(error, match=said):
        list(pool([7]))


def test_processes_work_and_know_what_they_are() -> None:
    assert not in_worker()
    with Pool(Processes(Orders(doubling, Origin()), 2), 2) as pool:
        assert dict(pool([3, 4, 5])) == {0: (6, True), 1: (8, True), 2: (10, True)}
        assert dict(pool([6])) == {0: (12, True)}
    assert not in_worker()


def test_a_worker_with_other_versions_is_refused() -> None:
    other = Origin(versions={"snnplug": "0.0.1"}, contents={"snnplug": "another"})
    with (
        Pool(Processes(Orders(doubling, other), 1), 1) as pool,
        pytest.raises(RunFailed, match=r"worker 0 on .* has other versions .*snnplug 0\.0\.1 -> "),
    ):
        list(pool([1]))


def test_errors_that_cannot_be_sent_are_told_in_words() -> None:
    class Odd(ContractError):
        def __reduce__(self) -> Any:
            raise TypeError("no")

    assert str(Raised.of(Odd("odd")).error) == "odd"
    assert isinstance(Raised.of(Odd("odd")).error, RunFailed)
