"""The rungs of a search: what each has cost and bought, and for what reasons candidates came there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from snnplug.runs.reading import Records
from snnplug.runs.search_records import RungRecord, TrialRecord
from snnplug.statistics.intervals import Estimate, estimate_mean
from snnplug.statistics.ranking import kendall

__all__ = ["Climber", "Group", "RungView", "best_of", "climbers", "rung_views"]

_SHOWN = 10


@attrs.frozen
class Group:
    """Candidates that were asked for at a rung for the same reason.

    Attributes:
        why: the reason, as the strategy says it.
        count: how many have a score.
        mean, best: of their scores.
        best_of: the best to be expected of as many of them, drawn by chance, as the smallest group has.
        seconds: what they cost.
    """

    why: str
    count: int
    mean: Estimate
    best: float
    best_of: float
    seconds: float


@attrs.frozen
class RungView:
    """A rung above the first.

    Attributes:
        level: from 1.
        record: as it stands in the summary.
        settings: of its scorer.
        groups: where candidates came for several reasons.
        equal: size of the smallest group.
        expected: Kendall's tau-b between what the strategy expected and what came, where it expected
            something; None where it cannot be told.
        below: the same between the score at the rung below and what came, of the same candidates.
        foretold: how many these are.
    """

    level: int
    record: RungRecord
    settings: str
    groups: Sequence[Group] = ()
    equal: int = 0
    expected: float | None = None
    below: float | None = None
    foretold: int = 0


@attrs.frozen
class Climber:
    """A candidate of the highest rung, with its scores from the first rung on."""

    number: int | None
    trial: TrialRecord
    scores: Sequence[float | None]


def rung_views(records: Records) -> list[RungView]:
    """Return the rungs above the first, none where the search had none or is not finished."""
    found = records.summary.search if records.summary else None
    views, below = [], {trial.key: trial for trial in records.trials or ()}
    for level, record in enumerate(found.rungs if found else (), 1):
        trials = [trial for trial in records.rungs or () if trial.rung == level]
        settings = ", ".join(f"{k} = {v}" for k, v in record.parameters.items() if k != "use")
        views.append(_view(level, record, settings, trials, below))
        below = {trial.key: trial for trial in trials}
    return views


def _view(
    level: int,
    record: RungRecord,
    settings: str,
    trials: Sequence[TrialRecord],
    below: dict[str, TrialRecord],
) -> RungView:
    sign = 1.0 if record.higher_is_better else -1.0
    scored = [(trial, sign * trial.score) for trial in trials if trial.score is not None]
    whys = list(dict.fromkeys(trial.why or "" for trial, _ in scored))
    parts = {why: [(t, score) for t, score in scored if (t.why or "") == why] for why in whys}
    equal = min(map(len, parts.values()), default=0)
    groups = [_group(why, part, equal, sign) for why, part in parts.items()] if len(parts) > 1 else []
    foretold = [
        (trial.expected, score, before.score)
        for trial, score in scored
        if trial.expected is not None
        and (before := below.get(trial.key)) is not None
        and before.score is not None
    ]
    expected, came, earlier = zip(*foretold, strict=True) if foretold else ((), (), ())
    return RungView(
        level=level,
        record=record,
        settings=settings,
        groups=groups,
        equal=equal,
        expected=kendall(expected, came) if len(foretold) > 1 else None,
        below=kendall(earlier, came) if len(foretold) > 1 else None,
        foretold=len(foretold),
    )


def _group(why: str, part: Sequence[tuple[TrialRecord, float]], equal: int, sign: float) -> Group:
    scores = [score for _, score in part]
    mean = estimate_mean([sign * score for score in scores])
    seconds = sum(trial.seconds or 0.0 for trial, _ in part)
    return Group(why, len(part), mean, sign * max(scores), sign * best_of(scores, equal), seconds)


def best_of(scores: Sequence[float], k: int) -> float:
    """Return the greatest of k of some numbers that is to be expected, drawn without replacement."""
    ordered, all_ways = sorted(scores), math.comb(len(scores), k)
    ways = (math.comb(i, k - 1) for i in range(len(ordered)))  # of the others, all of them smaller
    return sum(score * count for score, count in zip(ordered, ways, strict=True)) / all_ways


def climbers(records: Records, views: Sequence[RungView]) -> list[Climber]:
    """Return the best candidates of the highest rung."""
    if not views:
        return []
    by_rung: dict[int, dict[str, TrialRecord]] = {}
    for trial in (*(records.trials or ()), *(records.rungs or ())):
        by_rung.setdefault(trial.rung or 0, {})[trial.key] = trial
    top = views[-1]
    sign = 1.0 if top.record.higher_is_better else -1.0
    scored = [(t, t.score) for t in by_rung.get(top.level, {}).values() if t.score is not None]
    scored.sort(key=lambda pair: -sign * pair[1])
    rows = []
    for trial, _ in scored[:_SHOWN]:
        seen = [by_rung.get(level, {}).get(trial.key) for level in range(top.level + 1)]
        number = seen[0].index if seen[0] is not None else None
        rows.append(Climber(number, trial, [one.score if one is not None else None for one in seen]))
    return rows
