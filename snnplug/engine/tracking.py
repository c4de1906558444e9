"""The trackers of a run: told all of it in order, kept from changing anything, given up once they fail.

Every session of a run tells from the start: the stages tell the epochs of their checkpoints and the
candidates of their journals again, before what is new. What a tracker has is known to itself alone, so no
record of it here can be wrong, whenever a session was killed.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snnplug.contracts import TrackedRun, Tracker, Trial
from snnplug.engine.given import snake_name
from snnplug.engine.progress import Reporter
from snnplug.errors import (
    ComponentError,
    ContractError,
    ParameterError,
    SnnplugError,
    UsageError,
    in_one_line,
)
from snnplug.recipe.tables import named_table
from snnplug.registry.component import Component, aside
from snnplug.registry.contain import calling, describe, is_finite, title
from snnplug.registry.interrupts import listening
from snnplug.registry.put_back import put_back_most
from snnplug.registry.registry import LOCAL, Registry
from snnplug.runs.error_log import log_error
from snnplug.runs.reading import to_plain
from snnplug.runs.records import Epoch, Summary

__all__ = ["TRACKERS", "TrackerLike", "Tracking", "trackers_of", "tracking_by"]

TRACKERS = "trackers"
"""The folder in a run directory for files of trackers."""

TrackerLike = str | Mapping[str, Any] | Component | Tracker
"""What names a tracker: a name, the text of an inline table, a table, or one made by hand."""

_METHODS = ("start", "log", "trial", "finish")
_SERIES = (
    *("loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"),
    *("gradient_norm", "skipped_steps", "data_share", "samples_per_second"),
)


class Tracking:
    """What a run tells its trackers.

    Args:
        trackers: built, each with the component it comes from.
    """

    def __init__(self, trackers: Sequence[tuple[Component, Tracker]] = ()) -> None:
        self._trackers = list(trackers)
        self._told = Counter[str]()  # epochs by stage
        self._summary: dict[str, float] = {}

    @contextmanager
    def told(self, directory: Path, name: str, recipe: Mapping[str, Any], report: Reporter) -> Iterator[None]:
        """Begin and end the tracking around the block.

        Args:
            directory: of the run.
            name: of the recipe.
            recipe: resolved, plain data.
            report: where it is said where each is to be looked at, and which have failed.
        """
        self._directory, self._report = directory, report
        parameters, used = dict(_flat(recipe)), Counter[str]()
        for component, tracker in list(self._trackers):
            used[component.name] += 1
            more = f"-{used[component.name]}" if used[component.name] > 1 else ""
            folder = directory / TRACKERS / f"{component.name}{more}"
            run = TrackedRun(name=name, directory=directory, folder=folder, parameters=parameters)
            where = self._call(component, tracker, "start", run)
            if where and isinstance(where, str):
                report.say(f"tracker {component.name}: {in_one_line(where)}")
        try:
            yield
        finally:
            self._tell("finish", self._summary)

    def epochs(self, stage: str, history: Sequence[Epoch]) -> None:
        """Tell those epochs of a stage that were not yet told."""
        told, self._told[stage] = self._told[stage], max(self._told[stage], len(history))
        for epoch in history[told:] if self._trackers else ():
            numbers = {name: getattr(epoch, name) for name in _SERIES} | dict(epoch.facts)
            metrics = {f"{stage}/{name}": float(value) for name, value in numbers.items() if is_finite(value)}
            self._tell("log", metrics, epoch.epoch)

    def trials(self, trials: Iterable[Trial]) -> None:
        """Tell candidates that were scored."""
        for trial in trials if self._trackers else ():
            stage = f"search.rung-{trial.rung}" if trial.rung else "search"
            bare = {name.rpartition(":")[2]: value for name, value in trial.values.items()}
            numbers = {**bare, **trial.parts, "seconds": trial.seconds, "score": trial.score}
            metrics = {f"{stage}/{name}": float(value) for name, value in numbers.items() if is_finite(value)}
            self._tell("trial", trial, metrics)

    def summary(self, summary: Summary) -> None:
        """Take the result, which is told at the end."""
        plain = to_plain(summary)
        plain["energy"] = {one["model"]: one["value"] for one in plain.pop("energy", ())}
        del plain["schema"]
        plain.get("search", {}).pop("best", None)  # a genotype may hold numbers
        found = dict(_flat(plain))
        self._summary = {name: float(value) for name, value in found.items() if is_finite(value)}

    def _tell(self, method: str, *what: Any) -> None:
        for component, tracker in list(self._trackers):
            self._call(component, tracker, method, *what)

    def _call(self, component: Component, tracker: Tracker, method: str, *what: Any) -> Any:
        """Call a tracker; one that fails is said and not called again."""
        try:
            with put_back_most(), aside(), calling(component, f"that {method} takes what it is told"):
                return getattr(tracker, method)(*what)
        except SnnplugError as error:
            self._trackers = [one for one in self._trackers if one[1] is not tracker]
            said = error if isinstance(error, ComponentError) else f"{title(component)}: {error}"
            line = f"{in_one_line(str(said))}; the run goes on without this tracker"
            if self._report.quiet:  # what is lost is said all the same
                print(f"snnplug: note: {line}", file=sys.stderr)
            self._report.say(f"note: {line}")
            log_error(self._directory, line, getattr(error, "details", "") or line)
            return None


def _flat(table: Mapping[str, Any], around: str = "") -> Iterator[tuple[str, float | str]]:
    """Yield what stands in nested tables, by dotted key."""
    for name, value in table.items():
        key = f"{around}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{key}.")
        elif isinstance(value, float | int | str):
            yield key, value
        elif value is not None:
            yield key, json.dumps(value, default=str)


def tracking_by(given: Iterable[TrackerLike], registry: Registry) -> Tracking:
    """Build the trackers of a run.

    Raises:
        UsageError: there is none of a name, it is no tracker, or what it needs is not there.
    """
    with listening():
        return Tracking([(component, _built(component)) for component in trackers_of(given, registry)])


def trackers_of(given: Iterable[TrackerLike], registry: Registry) -> list[Component]:
    """Return the components of trackers.

    Raises:
        UsageError: there is none of a name, or what is given is none.
    """
    return [_component(one, registry) for one in given]


def _component(given: TrackerLike, registry: Registry) -> Component:
    if isinstance(given, str) and given.lstrip().startswith("{"):
        try:
            given = named_table(given)
        except ValueError as error:
            raise UsageError(f"the tracker {error}") from error
    if isinstance(given, str):
        return registry.use("tracker", given)
    if isinstance(given, Mapping):
        return registry.component("tracker", given)
    if isinstance(given, Component):
        if given.kind != "tracker":
            raise UsageError(f"a {given.kind} is no tracker: {given.qualified}")
        return given
    target = given if isinstance(given, type) else _Itself(given)
    return Component("tracker", LOCAL, "", snake_name(given), target)


class _Itself:
    """Builds what it was given: an object that a program keeps hold of."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def __call__(self) -> Tracker:
        return self._tracker


def _built(component: Component) -> Tracker:
    if problems := component.check():
        raise ParameterError("\n".join(problems))
    tracker: Tracker = component.build()
    with calling(component, f"an object with the methods {', '.join(_METHODS)}"):
        lacking = [name for name in _METHODS if not callable(getattr(tracker, name, None))]
    if lacking:
        raise ContractError(
            f"{title(component)} must have the methods {', '.join(_METHODS)}; {describe(tracker)} lacks "
            f"{', '.join(lacking)}"
        )
    return tracker
