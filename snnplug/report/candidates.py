"""Candidates of a search as tables: the best, those made by hand beside the winner, and why others failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import attrs

from snnplug.report.trade import ACCURACY
from snnplug.runs.schema import Number
from snnplug.runs.search_records import SearchRecord, TrialRecord

__all__ = [
    "Beside",
    "Figure",
    "Reason",
    "beside",
    "best_candidates",
    "lower_is_better",
    "part_names",
    "reasons",
]

_BEST = 10


@attrs.frozen
class Figure:
    """A number of a network made by hand, and how the winner's differs.

    `points` is a difference in percentage points, `percent` one in percent of the network's, `absolute`
    one of scores; None where it is another kind of number or not known.
    """

    value: Number
    points: float | None = None
    percent: float | None = None
    absolute: float | None = None


@attrs.frozen
class Beside:
    """A network made by hand beside the winner, which has `number` in the pictures."""

    number: int
    name: str
    trial: TrialRecord
    parts: Sequence[Figure]
    score: Figure


@attrs.frozen
class Reason:
    """Why candidates have no score, as the first of them says; `alike` where others differ in numbers."""

    count: int
    text: str
    alike: bool


def part_names(trials: Sequence[TrialRecord]) -> list[str]:
    """Return the names of what scores are made of, accuracy first."""
    names = dict.fromkeys(name for trial in trials for name in trial.parts or ())
    return sorted(names, key=lambda name: name != ACCURACY)


def lower_is_better(
    trials: Sequence[TrialRecord], best: TrialRecord, found: SearchRecord | None = None
) -> bool:
    """Whether lower scores are better: as recorded, else where the winner has the lowest and others more."""
    if found is not None and found.higher_is_better is not None:
        return not found.higher_is_better
    scores = [trial.score for trial in trials if trial.score is not None]
    return best.score == min(scores) < max(scores)


def best_candidates(trials: Sequence[TrialRecord], *, lower: bool) -> list[TrialRecord]:
    """Return the best ten, of equals those drawn first; the best have `lower` scores, or higher ones."""
    scored = [(trial, trial.score) for trial in trials if trial.score is not None]
    sign = -1 if lower else 1
    scored.sort(key=lambda pair: -sign * pair[1])
    return [trial for trial, _ in scored[:_BEST]]


def beside(references: Mapping[str, TrialRecord], best: TrialRecord, names: Sequence[str]) -> list[Beside]:
    """Return the networks made by hand, each with how the winner differs in its parts and its score.

    Args:
        references: by name.
        best: the winner.
        names: of the parts, one column each.
    """
    rows = []
    for number, (name, trial) in enumerate(references.items(), 1):
        parts = [_part(part, (trial.parts or {}).get(part), (best.parts or {}).get(part)) for part in names]
        differs = None if trial.score is None or best.score is None else best.score - trial.score
        rows.append(Beside(number, name, trial, parts, Figure(trial.score, absolute=differs)))
    return rows


def _part(name: str, value: Number, winner: Number) -> Figure:
    if value is None or winner is None:
        return Figure(value)
    if name == ACCURACY:
        return Figure(value, points=100 * (winner - value))
    return Figure(value, percent=100 * (winner / value - 1) if value > 0 else None)


def reasons(trials: Sequence[TrialRecord]) -> list[Reason]:
    """Return why candidates failed, the most frequent reason first; refused ones have not failed."""
    groups: dict[str, list[str]] = {}
    for trial in trials:
        if trial.score is None and trial.reason and trial.beyond is None:
            groups.setdefault(re.sub(r"\d+", "0", trial.reason), []).append(trial.reason)
    found = [Reason(len(group), group[0], len(set(group)) > 1) for group in groups.values()]
    return sorted(found, key=lambda reason: -reason.count)
