"""From the executor that a user names to one that can start workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snnplug.contracts.execution import Answer, Build, Executor
from snnplug.engine.execution.processes import Processes
from snnplug.errors import RecipeError
from snnplug.recipe.tables import named_table
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, refuse
from snnplug.registry.registry import Registry

__all__ = ["executor_of", "named_executor"]

_METHODS = ("start", "give", "answers", "end", "close")


def named_executor(given: str | Mapping[str, Any] | Component | None, registry: Registry) -> Component | None:
    """Return the executor that a name, a table `{"use": name, ...}` or its text in TOML means.

    Raises:
        RecipeError: it is neither, or has a parameter that the executor does not take.
        UnknownName: no such executor is installed.
    """
    if given is None or isinstance(given, Component):
        return given
    try:
        table: Any = named_table(given) if isinstance(given, str) else given
    except ValueError as error:
        raise RecipeError([f"the executor {error}"]) from error
    component = registry.component("executor", table)
    if problems := component.check("executor"):
        raise RecipeError(problems)
    return component


def executor_of(component: Component | None, build: Build, workers: int) -> Executor:
    """Return an executor.

    Args:
        component: what the user names; None for processes of this machine.
        build: what each worker calls first.
        workers: largest number of them.

    Raises:
        SnnplugError: it cannot be had here, such as a cluster that does not answer.
    """
    if component is None:
        return Processes(build, workers)
    with calling(component, "an executor"):
        executor = component.build(build, workers)
        if missing := [name for name in _METHODS if not callable(getattr(executor, name, None))]:
            refuse(component, f"an executor, with the method {missing[0]}", executor)
    return _Contained(executor, component)


class _Contained:
    """An executor of a plugin, whose errors name it."""

    def __init__(self, executor: Executor, component: Component) -> None:
        self._executor, self._component = executor, component
        self._calling = calling(component, "workers that start, work and answer")

    def start(self, number: int) -> None:
        with self._calling:
            self._executor.start(number)

    def give(self, number: int, item: Any) -> None:
        with self._calling:
            self._executor.give(number, item)

    def answers(self, seconds: float | None) -> list[Answer]:
        found = []  # nothing is yielded: what goes wrong with an answer elsewhere is not the executor's
        with self._calling:
            for answer in self._executor.answers(seconds):
                if not isinstance(answer, Answer):
                    refuse(self._component, "an Answer", answer)
                found.append(answer)
        return found

    def end(self, number: int) -> None:
        with self._calling:
            self._executor.end(number)

    def close(self) -> None:
        with self._calling:
            self._executor.close()
