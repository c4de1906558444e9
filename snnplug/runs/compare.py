"""Runs side by side: the figures of each, where they differ, and how fast they learned."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from snnplug.recipe.section import fields_of
from snnplug.recipe.stages import sections
from snnplug.recipe.tables import lookup
from snnplug.runs.comparison_records import BESIDE
from snnplug.runs.directory import RunDirectory
from snnplug.runs.figures import Figure
from snnplug.runs.opening import open_directory
from snnplug.runs.reading import read_epochs, read_resolved, read_summary
from snnplug.runs.records import ComponentUse, Epoch, Resolved, Summary

__all__ = ["ComparedRun", "differing_settings", "epoch_rows", "learning_figures"]


@attrs.frozen(kw_only=True)
class ComparedRun:
    """What a run directory says.

    Attributes:
        name: name of the directory.
        summary: its result, as far as it came.
        state: what is missing of it, empty for a finished run.
        epochs: of its training.
        components: what it used.
        sections: of the resolved recipe, by name: their settings that are no components.
    """

    name: str
    summary: Summary
    epochs: tuple[Epoch, ...]
    components: tuple[ComponentUse, ...]
    sections: Mapping[str, Any] = attrs.field(factory=dict)
    state: str = ""

    @classmethod
    def read(cls, path: Path) -> ComparedRun:
        """Read a run directory, finished or not.

        Raises:
            RunDirectoryError: it is not one, or is damaged.
        """
        directory = open_directory(path)
        resolved, finished = read_resolved(directory), directory.is_finished
        return cls(
            name=path.resolve().name if directory.writable else resolved.name,
            summary=read_summary(directory) if finished else Summary(),
            state="" if finished else _state(directory, resolved),
            epochs=tuple(
                epoch for epoch in read_epochs(directory) if not epoch.stage.startswith("train.compare.")
            ),
            components=resolved.components,
            sections={name: _settings_of(name, section, resolved) for name, section in sections().items()},
        )

    @property
    def seconds_per_epoch(self) -> float | None:
        """Median time of an epoch, validation included."""
        seconds = [epoch.seconds for epoch in self.epochs if epoch.seconds is not None]
        return statistics.median(seconds) if seconds else None

    def first_epoch_with(self, accuracy: float) -> int | None:
        """Return the first epoch, from 1, whose validation (else training) accuracy reaches a value."""
        reached = (e.epoch for e in self.epochs if e.judged is not None and e.judged >= accuracy)
        return next(reached, None)

    def seconds_until(self, epoch: int) -> float:
        """Return the time of training up to the end of an epoch."""
        return sum(e.seconds or 0.0 for e in self.epochs[:epoch])


def _state(directory: RunDirectory, resolved: Resolved) -> str:
    epochs = [epoch for epoch in read_epochs(directory) if not epoch.stage.startswith(BESIDE)]
    if epochs:
        return f"not finished: {epochs[-1].stage}, epoch {epochs[-1].epoch}"
    begun = "search" if resolved.recipe.get("search") else "begun"
    return f"not finished: {begun}"


def _settings_of(name: str, section: type, resolved: Resolved) -> dict[str, Any]:
    content = lookup(resolved.recipe, name)
    if not isinstance(content, Mapping):
        return {}
    components = {field.name for field, _ in fields_of(section)}
    return {key: value for key, value in content.items() if key not in components}


def learning_figures(run: ComparedRun, first: ComparedRun, target: float) -> dict[str, Figure]:
    """Return how fast a run learned, also as a ratio to the first of the comparison.

    Args:
        run: the run.
        first: what its time per epoch is divided by.
        target: accuracy in [0, 1] to be reached.
    """
    found = {}
    if run.seconds_per_epoch is not None:
        found["seconds per epoch"] = Figure(run.seconds_per_epoch, ".2f")
        if first.seconds_per_epoch:
            found["ratio to the first"] = Figure(run.seconds_per_epoch / first.seconds_per_epoch, ".2f")
        epoch = run.first_epoch_with(target)
        if epoch is not None:
            found[f"epochs to {target:.0%}"] = Figure(epoch, "d")
            found[f"seconds to {target:.0%}"] = Figure(run.seconds_until(epoch), ".1f")
    return found


def epoch_rows(runs: Sequence[ComparedRun]) -> list[tuple[int, list[str]]]:
    """Return for each epoch a text for each run: loss, training and validation accuracy."""
    longest = max((len(run.epochs) for run in runs), default=0)
    return [
        (number + 1, [_epoch(run.epochs[number]) if number < len(run.epochs) else "-" for run in runs])
        for number in range(longest)
    ]


def _epoch(epoch: Epoch) -> str:
    values = (epoch.loss, epoch.accuracy, epoch.val_accuracy)
    return " ".join(f"{value:.4f}" for value in values if value is not None)


def differing_settings(runs: Sequence[ComparedRun]) -> dict[str, list[str]]:
    """Return the components and parameters in which runs differ: key of the recipe to a text for each run.

    Parameters of what only some of the runs have are left out where those agree.
    """
    columns = [_settings(run) for run in runs]
    keys = dict.fromkeys(key for column in columns for key in column)
    rows = {key: [column.get(key, "-") for column in columns] for key in keys}
    components = {component.key for run in runs for component in run.components}
    return {
        key: cells
        for key, cells in rows.items()
        if len(set(cells)) > 1 and (key in components or len({*cells} - {"-"}) > 1)
    }


def _settings(run: ComparedRun) -> dict[str, str]:
    found = {
        f"{section}.{name}": json.dumps(value)
        for section, content in run.sections.items()
        for name, value in content.items()
    }
    for component in run.components:
        found[component.key] = component.use.rpartition(":")[2]
        for name, value in component.parameters.items():
            if name != "neuron":  # it has rows of its own
                found[f"{component.key}.{name}"] = json.dumps(value)
    return found
