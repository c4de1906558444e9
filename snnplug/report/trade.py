"""What scores with parts say beside the score: accuracy against each cost, and how the two may be weighed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import attrs
from markupsafe import Markup

from snnplug.report import words
from snnplug.runs.records import TrialRecord
from snnplug.statistics.pareto import pareto_front
from snnplug.statistics.weighing import weigh

__all__ = ["ACCURACY", "Choice", "Known", "Period", "Trade", "trades"]

ACCURACY = "accuracy"  # the part of a score against which the others are drawn
_LEAST = {"spikes": 1.0}  # what a network costs at least, by the name of the cost: a silent one is not free
_PERIODS = ("early", "middle", "late")


@attrs.frozen
class Period:
    """A part of the search, from candidate `first` to candidate `last`, counted from 1."""

    style: str
    first: int
    last: int


@attrs.frozen
class Known:
    """A candidate of which both are known, with its position in the search."""

    position: int
    trial: TrialRecord
    accuracy: float
    cost: float

    @property
    def point(self) -> tuple[float, float]:
        """Where it stands in the picture."""
        return self.cost, self.accuracy


@attrs.frozen
class Choice:
    """The candidate to choose if the cost counts by exponents from `first` to `last`.

    `points` and `percent` are its accuracy and its cost beside those of the first choice, in percentage
    points and in percent.
    """

    first: float
    last: float
    one: Known
    points: float
    percent: float


@attrs.frozen
class Trade:
    """Accuracy against a cost.

    Attributes:
        name: of the cost.
        picture: of all candidates that have both.
        periods: of the search, as the picture tells them apart.
        front: those that no other beats in both, by cost.
        candidates: how many have both.
        choices: who is best as the cost counts for more.
    """

    name: str
    picture: Markup
    periods: Sequence[Period]
    front: Sequence[Known]
    candidates: int
    choices: Sequence[Choice]


def trades(
    trials: Sequence[TrialRecord], best: TrialRecord, references: Sequence[TrialRecord]
) -> list[Trade]:
    """Return accuracy against each other part of the scores, of which less is better.

    Args:
        trials: of the search, in order, those without a score too.
        best: the winner.
        references: networks made by hand.
    """
    names = dict.fromkeys(name for trial in trials for name in trial.parts or () if name != ACCURACY)
    made = (_trade(trials, name, best, references, f"trade{i}") for i, name in enumerate(names))
    return [trade for trade in made if trade is not None]


def _trade(
    trials: Sequence[TrialRecord],
    name: str,
    best: TrialRecord,
    references: Sequence[TrialRecord],
    picture: str,
) -> Trade | None:
    from snnplug.report.figures.trade import trade_off

    known, by_hand = _known(trials, name), _known(references, name)
    if not known:
        return None
    fronts = [known[k] for k in pareto_front([(-one.cost, one.accuracy) for one in known])]
    front = sorted({one.point: one for one in reversed(fronts)}.values(), key=lambda one: one.cost)
    ends = [len(trials) * k // len(_PERIODS) for k in range(len(_PERIODS) + 1)]
    spans = list(itertools.pairwise(ends))
    parts = [[one.point for one in known if first <= one.position < last] for first, last in spans]
    return Trade(
        name=name,
        picture=trade_off(
            parts,
            [one.point for one in front],
            next((one.point for one in known if one.trial.key == best.key), None),
            {one.position + 1: one.point for one in by_hand},
            words.plain(name),
            picture,
        ),
        periods=[
            Period(style, first + 1, last)
            for style, (first, last), part in zip(_PERIODS, spans, parts, strict=True)
            if part
        ],
        front=front,
        candidates=len(known),
        choices=_choices(known, _LEAST.get(name, 0.0)),
    )


def _known(trials: Sequence[TrialRecord], name: str) -> list[Known]:
    found = []
    for i, trial in enumerate(trials):
        parts = trial.parts or {}
        accuracy, cost = parts.get(ACCURACY), parts.get(name)
        if trial.score is not None and accuracy is not None and cost is not None:
            found.append(Known(i, trial, accuracy, cost))
    return found


def _choices(known: Sequence[Known], least: float) -> list[Choice]:
    rows = weigh([(one.accuracy, one.cost) for one in known], least=least)
    return [
        Choice(
            first=row.first,
            last=row.last,
            one=known[row.position],
            points=100 * (row.accuracy - rows[0].accuracy),
            percent=100 * (row.cost / rows[0].cost - 1),
        )
        for row in rows
    ]
