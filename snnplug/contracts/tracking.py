"""Trackers: a run as it goes on, told to whatever a user watches runs with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import attrs

from snnplug.contracts.search import Trial

__all__ = ["TrackedRun", "Tracker"]


@attrs.frozen(kw_only=True)
class TrackedRun:
    """The run that a tracker is told of.

    Attributes:
        name: of the recipe or of the study, equal for runs that belong together.
        directory: the run directory; its name is that of the run.
        folder: for files of the tracker's own, in the run directory, made by who writes there; the same when
            the run is resumed. What must outlive a stop, such as the run's number at a service, belongs here.
        parameters: numbers, truth values and texts by dotted key of the resolved recipe, such as
            `{"train.epochs": 15, "neuron.use": "acme-neurons:my_lif"}`; lists are JSON texts.
    """

    name: str
    directory: Path
    folder: Path
    parameters: Mapping[str, float | str]


class Tracker(Protocol):
    """Writes down how a run goes on. Built with its own parameters alone, before anything starts.

    A run that was stopped and is resumed tells all of it again, from its first epoch and candidate on: after
    `start` a tracker either replaces what it has of that run, or leaves out what is there already, by name
    and step. So no line is there twice, none is missing, and one that is chosen late has all of them.

    What it raises ends it with one warning, and the run goes on without it. It computes nothing of the run.
    """

    def start(self, run: TrackedRun) -> str:
        """Begin, and return in a few words where it can be looked at; empty for nothing to say."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Take an epoch of a stage, from 1: finite numbers by name, such as `train/loss`."""

    def trial(self, trial: Trial, metrics: Mapping[str, float]) -> None:
        """Take a candidate of a search once it has been scored.

        Args:
            trial: the candidate; `trial.index` counts them, -1 for a reference; `trial.score` may be NaN.
            metrics: its finite numbers by name, such as `search/score`; `search.rung-1/score` at a rung.
        """

    def finish(self, summary: Mapping[str, float]) -> None:
        """End: the numbers of summary.json by dotted key, none where the run was stopped before its end."""
