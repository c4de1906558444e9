"""Conformance of trackers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from snnplug.contracts import TrackedRun, Tracker, Trial
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance

__all__ = ["TrackerConformance", "tell", "told_points"]

_EPOCHS = 3
_SUMMARY = {"accuracy.test": 0.75, "seconds.train": 1.5}


class TrackerConformance(Conformance):
    """Checks of a tracker: told of a run, stopped, and told again.

    To have checked that nothing is there twice, read back what it has written:

        class TestLog(TrackerConformance):
            name = "acme-log:log"

            def written(self, run):
                return [...]  # (name, step, value) of each number of an epoch or candidate

    For one that writes elsewhere than in the run directory, override the fixture `component`.
    """

    kind = "tracker"

    def written(self, run: TrackedRun) -> list[tuple[str, int, float]] | None:
        """Return the numbers of epochs and candidates that it has; None where they cannot be read."""
        return None

    @pytest.fixture
    def run(self, tmp_path: Path) -> TrackedRun:
        """Return a run whose directory is there, and the tracker's folder in it not yet."""
        directory = tmp_path / "runs" / "tracked"
        directory.mkdir(parents=True)
        parameters: dict[str, float | str] = {"seed": 0, "loss.use": "acme:loss", "train.flag": True}
        return TrackedRun(
            name="study", directory=directory, folder=directory / "trackers" / "own", parameters=parameters
        )

    def test_it_takes_a_whole_run(self, component: Component, run: TrackedRun) -> None:
        """It is told of epochs of two stages, of candidates and of the result."""
        tell(component.build(), run, summary=_SUMMARY)
        self.check_written(run, "told of a whole run, it has written")

    def test_start_says_where_to_look(self, component: Component, run: TrackedRun) -> None:
        """`start` returns a text of one line."""
        tracker: Tracker = component.build()
        where: Any = tracker.start(run)
        tracker.finish({})
        assert isinstance(where, str) and "\n" not in where, (
            f"start must return in one line where it can be looked at, or an empty text, got {where!r}"
        )

    def test_a_candidate_without_a_score_is_taken(self, component: Component, run: TrackedRun) -> None:
        """A candidate that has failed has no numbers but its time."""
        tracker: Tracker = component.build()
        tracker.start(run)
        tracker.trial(Trial(index=0, genotype=[1], key="1", score=math.nan), {"search/seconds": 0.5})
        tracker.trial(Trial(index=-1, genotype={"a": 1}, key="a", score=1.0), {"search/score": 1.0})
        tracker.finish({})

    def test_a_run_that_was_killed_is_told_again(self, component: Component, run: TrackedRun) -> None:
        """After a session that nothing has ended, a second one tells all, and no number is there twice."""
        killed: Tracker = component.build()
        tell(killed, run, epochs=2, summary=None)
        tell(component.build(), run, summary=_SUMMARY)
        self.check_written(run, "told again after a session that was killed, it has written")

    def test_a_run_that_was_stopped_is_told_again(self, component: Component, run: TrackedRun) -> None:
        """The same after a session that was ended, and after one that told the result."""
        tell(component.build(), run, epochs=1, summary={})
        tell(component.build(), run, summary=_SUMMARY)
        tell(component.build(), run, summary=_SUMMARY)
        self.check_written(run, "told again by three sessions, it has written")

    def check_written(self, run: TrackedRun, said: str) -> None:
        """Hold what is written against what was told."""
        found = self.written(run)
        if found is None:
            return
        expected = sorted(told_points())
        assert sorted(found) == expected, (
            f"{said} {sorted(found)}, and was told {expected}; begin anew in `start`, or leave out "
            "what it has"
        )


def tell(
    tracker: Tracker, run: TrackedRun, *, epochs: int = _EPOCHS, summary: Mapping[str, float] | None
) -> None:
    """Tell a tracker of a run, so many epochs of each stage; without a summary nothing ends it."""
    tracker.start(run)
    for epoch in range(1, epochs + 1):
        tracker.log(_epoch("search.supernet", epoch), epoch)
    for index in range(4):
        trial = Trial(index=index, genotype=[index, "conv"], key=str(index), score=index / 4)
        tracker.trial(trial, {"search/score": index / 4})
    for epoch in range(1, epochs + 1):
        tracker.log(_epoch("train", epoch), epoch)
    if summary is not None:
        tracker.finish(summary)


def _epoch(stage: str, epoch: int) -> dict[str, float]:
    return {f"{stage}/loss": 1 / 2**epoch, f"{stage}/accuracy": 1 - 1 / 2**epoch}


def told_points() -> list[tuple[str, int, float]]:
    """Return the numbers of epochs and candidates that `tell` tells, by name and step."""
    points = [("search/score", index, index / 4) for index in range(4)]
    for stage in ("search.supernet", "train"):
        for epoch in range(1, _EPOCHS + 1):
            points += [(name, epoch, value) for name, value in _epoch(stage, epoch).items()]
    return points
