"""Lines of the trial journal, checked as trials: Optuna takes any JSON for one.

A trial is one line, an Optuna record whose `user_attrs` are ours: what a `Trial` holds, why it failed if
it did, and a checksum over all of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from snnplug.contracts import Trial
from snnplug.errors import RunDirectoryError
from snnplug.runs.reading import structure
from snnplug.runs.records import Origin
from snnplug.seeds import digest

__all__ = ["STUDY", "Failure", "JournalLines", "damaged_journal", "read_lines", "to_line"]

STUDY = "search"

_NEW_STUDY, _STUDY_NOTE, _TRIAL = 0, 2, 4  # operations of Optuna's journal
_FIELDS: dict[str, Any] = {
    "index": int,
    "genotype": object,
    "key": str,
    "values": dict,
    "seconds": (int, float),
}
_MORE = {"failure", "checksum", "parts"}


@attrs.frozen(kw_only=True)
class Failure:
    """Why a candidate has no score, and the plugin that did it, as it was then.

    A candidate of a search with limits may also be refused: `beyond` is what it has beyond them, by name.
    """

    reason: str = ""
    plugin: str = ""
    version: str = ""
    content: str = ""
    beyond: Mapping[str, float] = attrs.field(factory=dict)

    def is_mended(self, now: Origin) -> bool:
        """Whether the plugin is another one now."""
        known = now.versions.get(self.plugin, self.version), now.contents.get(self.plugin, self.content)
        return known != (self.version, self.content)


@attrs.define
class JournalLines:
    """What the lines of a journal say."""

    trials: list[Trial] = attrs.field(factory=list)
    failures: dict[str, Failure] = attrs.field(factory=dict)
    origin: Origin | None = None


def damaged_journal(path: Path, what: str, line: int = 0) -> RunDirectoryError:
    """Return the error of a journal that cannot be gone on with; `line` is one that is damaged alone."""
    part = "that line to score its candidate again, or the file" if line > 1 else "it"
    where = f"line {line}: {what}" if line else what
    return RunDirectoryError(
        f"the trial journal {path} is damaged: {where}. Remove {part} to search from the start, and go on "
        f"with: snnplug run --resume {path.parent}"
    )


def to_line(trial: Trial, failure: Failure | None = None) -> dict[str, Any]:
    """Return the `user_attrs` of a trial."""
    own = {name: getattr(trial, name) for name in _FIELDS} | {"values": dict(trial.values)}
    if trial.parts:
        own["parts"] = dict(trial.parts)
    if failure is not None:
        own["failure"] = attrs.asdict(failure)
    return own | {"checksum": _checksum(own, trial.score)}


def read_lines(path: Path) -> JournalLines:
    """Return what a journal holds, nothing if it is not there.

    Raises:
        RunDirectoryError: a line is no record of a search; it is named by its number.
    """
    found = JournalLines()
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise damaged_journal(path, error.strerror or "it cannot be read") from error
    for number, line in enumerate(lines, 1):
        try:
            _take(found, json.loads(line), first=number == 1)
        except (ValueError, TypeError, LookupError, RecursionError, OverflowError) as error:
            what = str(error) if isinstance(error, _NoTrialError) else "it is no JSON of a trial"
            raise damaged_journal(path, what, number) from error
    return found


class _NoTrialError(ValueError):
    """What is wrong with a line, for the user."""


def _take(found: JournalLines, record: Any, *, first: bool) -> None:
    operation = record.get("op_code") if isinstance(record, dict) else None
    if type(operation) is not int or (first and operation != _NEW_STUDY):
        raise _NoTrialError("it is no record of a search")
    if operation == _NEW_STUDY and record.get("study_name") != STUDY:  # every opening leaves such a line
        raise _NoTrialError("it begins another study")
    if operation == _STUDY_NOTE and "made_with" in record["user_attr"]:
        found.origin = structure(record["user_attr"]["made_with"], Origin)
    if operation == _TRIAL:
        trial, failure = _trial(record)
        found.trials.append(trial)
        found.failures.pop(trial.key, None)
        if failure is not None:
            found.failures[trial.key] = failure


def _trial(record: Mapping[str, Any]) -> tuple[Trial, Failure | None]:
    own, score = dict(record["user_attrs"]), record["value"]
    if type(score) not in (int, float, type(None)) or set(own) - set(_FIELDS) - _MORE:
        raise _NoTrialError("it is no trial")
    if not all(name in own and isinstance(own[name], kind) for name, kind in _FIELDS.items()):
        raise _NoTrialError("it is no trial")
    score = math.nan if score is None else float(score)
    if own.pop("checksum", None) not in (None, _checksum(own, score)):
        raise _NoTrialError("its checksum is wrong")
    failure = own.pop("failure", None)
    numbers = [*own["values"].values(), *own.setdefault("parts", {}).values()]
    if any(type(value) not in (int, float) for value in numbers):
        raise _NoTrialError("it is no trial")
    return Trial(score=score, **own), Failure(**failure) if failure is not None else None


def _checksum(own: Mapping[str, Any], score: float) -> str:
    return digest([own, None if math.isnan(score) else float(score)])[:16]
