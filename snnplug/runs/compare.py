"""Finished runs side by side: the figures of each, where they differ, and how fast they learned."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from snnplug.runs.directory import RunDirectory

__all__ = ["Figure", "FinishedRun", "differing_settings", "epoch_rows", "figures", "learning_figures"]


@attrs.frozen
class Figure:
    """A number with the format it is shown in."""

    value: Any
    form: str

    def __str__(self) -> str:
        return f"{self.value:{self.form}}"


@attrs.frozen(kw_only=True)
class FinishedRun:
    """What a finished run directory says.

    Attributes:
        name: name of the directory.
        summary: as in summary.json.
        epochs: records of metrics.jsonl.
        components: from resolved.json.
        train: the section of the resolved recipe.
    """

    name: str
    summary: Mapping[str, Any]
    epochs: tuple[Mapping[str, Any], ...]
    components: tuple[Mapping[str, Any], ...]
    train: Mapping[str, Any] = attrs.field(factory=dict)

    @classmethod
    def read(cls, path: Path) -> FinishedRun:
        """Read a run directory.

        Raises:
            RunDirectoryError: it is not one, or was never finished.
        """
        directory = RunDirectory.open(path)
        summary = directory.read_summary()
        resolved = directory.read_json("resolved.json")
        metrics = directory.file("metrics.jsonl")
        lines = metrics.read_text(encoding="utf-8").splitlines() if metrics.exists() else []
        return cls(
            name=path.resolve().name,
            summary=summary,
            epochs=tuple(json.loads(line) for line in lines),
            components=tuple(resolved["components"]),
            train=resolved["recipe"].get("train", {}),
        )

    @property
    def seconds_per_epoch(self) -> float | None:
        """Median time of an epoch, validation included."""
        return statistics.median(e["seconds"] for e in self.epochs) if self.epochs else None

    def first_epoch_with(self, accuracy: float) -> int | None:
        """Return the first epoch, from 1, whose validation (else training) accuracy reaches a value."""
        for record in self.epochs:
            reached = record["val_accuracy"] if record["val_accuracy"] is not None else record["accuracy"]
            if reached >= accuracy:
                return int(record["epoch"])
        return None


def figures(summary: Mapping[str, Any]) -> dict[str, Figure]:
    """Return the figures of a summary worth a line."""
    accuracy = summary.get("accuracy", {})
    found = {f"{s} accuracy": Figure(accuracy[s], ".4f") for s in ("train", "val", "test") if s in accuracy}
    for key, name, form in (
        ("spikes_per_sample", "spikes per sample", ",.1f"),
        ("synaptic_operations", "synaptic operations per sample", ",.0f"),
        ("macs", "MACs per sample", ",.0f"),
        ("latency_steps", "latency in steps", "d"),
        ("parameters", "parameters", ",d"),
        ("epochs", "epochs", "d"),
    ):
        if key in summary:
            found[name] = Figure(summary[key], form)
    for estimate in summary.get("energy", ()):
        unit = "" if estimate["unit"] == "relative" else f" in {estimate['unit']}"
        found[f"energy, {estimate['model'].rpartition(':')[2]}{unit}"] = Figure(estimate["value"], ".3e")
    if "search" in summary:
        search = summary["search"]
        found["candidates drawn"] = Figure(search["draws"], "d")
        found["candidates scored"] = Figure(search["evaluated"], "d")
        found["best score"] = Figure(search["score"], ".4f")
        if search.get("seconds_per_candidate") is not None:
            found["seconds per candidate"] = Figure(search["seconds_per_candidate"], ".3f")
    for stage, seconds in summary.get("seconds", {}).items():
        found[f"{stage} seconds"] = Figure(seconds, ".1f")
    return found


def learning_figures(run: FinishedRun, first: FinishedRun, target: float) -> dict[str, Figure]:
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
            found[f"seconds to {target:.0%}"] = Figure(sum(e["seconds"] for e in run.epochs[:epoch]), ".1f")
    return found


def epoch_rows(runs: Sequence[FinishedRun]) -> list[tuple[int, list[str]]]:
    """Return for each epoch a text for each run: loss, training and validation accuracy."""
    longest = max((len(run.epochs) for run in runs), default=0)
    return [
        (number + 1, [_epoch(run.epochs[number]) if number < len(run.epochs) else "-" for run in runs])
        for number in range(longest)
    ]


def _epoch(record: Mapping[str, Any]) -> str:
    val = "" if record["val_accuracy"] is None else f" {record['val_accuracy']:.4f}"
    return f"{record['loss']:.4f} {record['accuracy']:.4f}{val}"


def differing_settings(runs: Sequence[FinishedRun]) -> dict[str, list[str]]:
    """Return the components and parameters in which runs differ: key of the recipe to a text for each run."""
    columns = [_settings(run) for run in runs]
    keys = dict.fromkeys(key for column in columns for key in column)
    rows = {key: [column.get(key, "-") for column in columns] for key in keys}
    return {key: cells for key, cells in rows.items() if len(set(cells)) > 1}


def _settings(run: FinishedRun) -> dict[str, str]:
    found = {f"train.{name}": json.dumps(value) for name, value in run.train.items()}
    for component in run.components:
        key = component["key"]
        found[key] = component["use"].rpartition(":")[2]
        for name, value in component["parameters"].items():
            if name != "neuron":  # it has rows of its own
                found[f"{key}.{name}"] = json.dumps(value)
    return found
