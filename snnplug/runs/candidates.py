"""A candidate that a run has seen, found by its number, its key or its genotype."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from snnplug.errors import RunDirectoryError, UsageError
from snnplug.runs.directory import RunDirectory
from snnplug.runs.journal_lines import read_lines
from snnplug.runs.reading import Records
from snnplug.runs.records import TrialRecord

__all__ = ["candidates_of", "find_candidate", "front_of"]

_SHORTEST = 4  # letters of a key


def candidates_of(records: Records) -> Sequence[TrialRecord]:
    """Return the candidates of a run, also of a search that was stopped.

    Raises:
        RunDirectoryError: it has not searched, or its file is damaged.
    """
    if "trials.json" in records.problems:
        raise RunDirectoryError(records.problems["trials.json"])
    if records.trials is not None:
        return records.trials
    journal = RunDirectory(records.directory).file("trials.journal")
    found = [TrialRecord.of(trial) for trial in read_lines(journal).trials]
    if not found:
        raise RunDirectoryError(f"{records.directory} has no candidates: it has not searched")
    return found


def find_candidate(records: Records, named: str | int | Any = "") -> TrialRecord:
    """Return a candidate of a run.

    Args:
        records: of the run.
        named: its number in `trials.json`, its key or the first letters of it, or its genotype as plain data
            or JSON; empty for the best.

    Raises:
        UsageError: there is none, or several.
        RunDirectoryError: the run has no candidates.
    """
    trials = candidates_of(records)
    if named in ("", None):
        return _best(records, trials)
    text = str(named) if isinstance(named, str | int) else json.dumps(named)
    if numbered := [trial for trial in trials if str(trial.index) == text]:
        return numbered[0]
    if alike := [trial for trial in trials if trial.genotype == _parsed(named)]:
        return alike[0]
    found = [trial for trial in trials if len(text) >= _SHORTEST and trial.key.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        keys = ", ".join(trial.key for trial in found[:5])
        raise UsageError(f"several candidates of {records.directory} begin with {text}: {keys}")
    last = max((trial.index for trial in trials if trial.index is not None), default=0)
    raise UsageError(
        f"{text} is no candidate of {records.directory}: give a number from 0 to {last}, or a key or a "
        f"genotype from {records.directory / 'trials.json'}, such as {trials[0].key}"
    )


def _best(records: Records, trials: Sequence[TrialRecord]) -> TrialRecord:
    found = records.summary.search if records.summary is not None else None
    if found is None:
        raise UsageError(
            f"the search in {records.directory} is not finished, so it has no best candidate; name one"
        )
    best = TrialRecord(genotype=found.best, key=found.key)
    return next((trial for trial in trials if trial.key == found.key), best)


def front_of(records: Records) -> Sequence[TrialRecord]:
    """Return the candidates that no other beats in all objectives and in the score.

    Raises:
        UsageError: the search had no objectives, or is not finished.
    """
    found = records.summary.search if records.summary is not None else None
    if found is None or not found.pareto:
        raise UsageError(
            f"the search in {records.directory} has no Pareto front: that needs [search] objectives, "
            'such as objectives = { parameters = "min" }; name one candidate instead'
        )
    return found.pareto


def _parsed(named: Any) -> Any:
    if not isinstance(named, str):
        return named
    try:
        return json.loads(named)
    except ValueError:
        return named
