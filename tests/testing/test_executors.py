"""The conformance of executors: of the core's own, and of some that break it."""

from __future__ import annotations

from typing import Any

import pytest

from snnplug import Answer, ExecutorSpec, Registry
from snnplug.engine.execution.executors import executor_of, named_executor
from snnplug.engine.execution.processes import Processes
from snnplug.errors import ComponentError, RecipeError, UnknownName
from snnplug.testing import ExecutorConformance


class TestProcesses(ExecutorConformance):
    name = "snnplug:processes"


class Deaf:
    """Workers that are started and never heard of."""

    def __init__(self, build: Any, workers: int, *, room: int = 1) -> None:
        self.room = room

    def start(self, number: int) -> None:
        pass

    def give(self, number: int, item: Any) -> None:
        pass

    def answers(self, seconds: float | None) -> list[Answer]:
        return []

    def end(self, number: int) -> None:
        pass

    def close(self) -> None:
        pass


class Endless(Deaf):
    """Workers that say that they are ready, and dead ones too."""

    def answers(self, seconds: float | None) -> list[Answer]:
        return [Answer(0)]


def nothing(build: Any, workers: int) -> list[Any]:
    return []


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.register(ExecutorSpec(name="deaf", target=Deaf, summary="Deaf."))
    registry.register(ExecutorSpec(name="none", target=nothing, summary="No executor."))
    return registry


@pytest.mark.parametrize(
    ("broken", "check", "said"),
    [
        (Deaf, "workers_say_that_they_are_ready_and_work", "2 answers were expected within 0.2 s"),
        (Endless, "a_worker_that_dies_is_said", "answer with `lost`"),
        (Endless, "waiting_has_an_end", "return nothing once the time is over"),
    ],
)
def test_a_broken_executor_fails_its_check(broken: Any, check: str, said: str) -> None:
    kit = ExecutorConformance()
    kit.patience = 0.2
    with pytest.raises(AssertionError) as caught:
        getattr(kit, f"test_{check}")(broken(None, 2))
    assert said in str(caught.value)


def test_names_and_tables_of_executors(registry: Registry) -> None:
    assert named_executor(None, registry) is None
    for given in ("deaf", "local:deaf", {"use": "deaf"}, "{use = 'deaf'}"):
        component = named_executor(given, registry)
        assert component is not None
        assert component.qualified == "local:deaf"
    component = named_executor("{use = 'deaf', room = 3}", registry)
    assert component.build(print, 2).room == 3
    assert isinstance(executor_of(None, print, 2), Processes)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ("deff", UnknownName, "unknown executor 'deff'. Did you mean 'deaf'?"),
        ("{use = ", RecipeError, "is no inline table of TOML, such as { use = 'name'"),
        ({"room": 2}, RecipeError, "executor.use: it is missing; write use"),
        ("{use = 'deaf', rooms = 2}", RecipeError, "executor.rooms"),
        ("{use = 'deaf', room = 'all'}", RecipeError, "executor.room"),
    ],
)
def test_wrong_executors_are_refused(
    given: Any, error: type[Exception], said: str, registry: Registry
) -> None:
    with pytest.raises(error) as caught:
        named_executor(given, registry)
    assert said in str(caught.value)


@pytest.mark.parametrize("method", ["start", "give", "answers", "end", "close"])
def test_an_executor_that_fails_is_named(method: str, registry: Registry) -> None:
    class Failing(Deaf):
        """Fails."""

    def fail(self: Any, *given: Any) -> None:
        raise KeyError("no such worker")

    setattr(Failing, method, fail)
    registry.register(ExecutorSpec(name="failing", target=Failing, summary="Fails."))
    executor = executor_of(registry.use("executor", "failing"), print, 2)
    given = {"give": (0, 1), "close": ()}.get(method, (0,))
    with pytest.raises(ComponentError, match=r"executor local:failing raised KeyError: 'no such worker'"):
        list(getattr(executor, method)(*given) or ())


def test_what_goes_wrong_in_a_worker_is_not_blamed_on_the_executor(registry: Registry) -> None:
    class Ready(Deaf):
        """Answers one worker after the other, lazily."""

        def answers(self, seconds: float | None) -> Any:
            yield from (Answer(number) for number in range(3))

    registry.register(ExecutorSpec(name="ready", target=Ready, summary="Ready."))
    executor = executor_of(registry.use("executor", "ready"), print, 3)
    answers = iter(executor.answers(None))
    assert next(answers) == Answer(0)
    close = getattr(answers, "close", lambda: None)  # of a generator, as when the one who reads it fails
    close()
    assert list(executor.answers(None)) == [Answer(0), Answer(1), Answer(2)]


def test_what_is_no_answer_is_refused(registry: Registry) -> None:
    class Odd(Deaf):
        """Answers in its own way."""

        def answers(self, seconds: float | None) -> list[Any]:
            return [(0, "done")]

    registry.register(ExecutorSpec(name="odd", target=Odd, summary="Odd."))
    executor = executor_of(registry.use("executor", "odd"), print, 2)
    with pytest.raises(ComponentError, match="executor local:odd gave a tuple of 2; expected an Answer"):
        list(executor.answers(None))


def test_what_is_no_executor_is_refused(registry: Registry) -> None:
    with pytest.raises(ComponentError, match="executor local:none gave"):
        executor_of(registry.use("executor", "none"), print, 2)
