"""The cell that a search found, and its scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
from markupsafe import Markup

from snnplug.report import words
from snnplug.report.cell import draw
from snnplug.report.section import Section, Stat, render_template
from snnplug.runs.reading import Records
from snnplug.runs.records import TrialRecord
from snnplug.statistics.pareto import pareto_front
from snnplug.statistics.ranking import kendall

__all__ = ["Search"]

_ACCURACY = "accuracy"  # the part of a score against which the others are drawn


class Search(Section):
    """The section of the stage search."""

    def stats(self, records: Records) -> list[Stat]:
        """Return the best score, where no accuracy says more."""
        summary = records.summary
        if summary is None or summary.search is None:
            return []
        if summary.accuracy is not None and summary.accuracy.test is not None:
            return []
        scorer = words.plain(summary.search.scorer)
        return [Stat("Best score", words.number(summary.search.score), note=f"by {scorer}")]

    def render(self, records: Records) -> Markup:
        """Return the cell and the scores."""
        found = records.summary.search if records.summary else None
        values = {"found": found, "cell": _cell(records), "search": _scores(records)}
        return render_template("sections/search.html.j2", records, **values)


def _cell(data: Records) -> Markup | None:
    """Draw the cell that the search found."""
    found = data.summary.search if data.summary else None
    return draw(found.graph) if found and found.graph and found.graph.nodes else None


@attrs.frozen
class _Baseline:
    """Scores against one baseline, with Kendall's tau-b."""

    name: str
    tau: float | None
    picture: Markup


@attrs.frozen
class _Front:
    """Scores against one objective, with the candidates marked that no other beats."""

    name: str
    goal: str
    picture: Markup


@attrs.frozen
class _Parts:
    """Accuracy against another number that the scores are made of, and what no candidate beats in both."""

    name: str
    picture: Markup
    front: Sequence[tuple[TrialRecord, float, float]]


@attrs.frozen
class _Scores:
    """Scores of a search, without pictures where no candidate has one."""

    candidates: int
    failed: int
    refused: int
    baselines: Sequence[_Baseline] = ()
    fronts: Sequence[_Front] = ()
    parts: Sequence[_Parts] = ()
    ranks: Markup | None = None
    histogram: Markup | None = None


def _scores(data: Records) -> _Scores | None:
    """Return the pictures of the scores, None without a trial file."""
    from snnplug.report.figures.search import score_histogram, score_ranks, score_scatter

    if data.trials is None:
        return None
    scored = [(trial, trial.score) for trial in data.trials if trial.score is not None]
    refused = sum(trial.beyond is not None for trial in data.trials)
    counts = len(data.trials), len(data.trials) - len(scored) - refused, refused
    if not scored:
        return _Scores(*counts)
    found = data.summary.search if data.summary else None
    top = next(
        (pair for pair in scored if found and pair[0].key == found.key), max(scored, key=lambda pair: pair[1])
    )
    baselines, fronts = [], []
    goals, front = (found.objectives, found.pareto) if found else ({}, ())
    for i, name in enumerate(dict.fromkeys(name for trial in data.trials for name in trial.values)):
        points = _points(data.trials, name)
        if points:
            values, theirs = [v for v, _ in points], [score for _, score in points]
            best = next(iter(_points([top[0]], name)), None)
            marked = _points(front, name) if name in goals else []
            picture = score_scatter(values, theirs, best, words.plain(name), f"scatter{i}", marked)
            if name in goals:
                fronts.append(_Front(name, goals[name], picture))
            else:
                baselines.append(_Baseline(name, kendall(values, theirs), picture))
    scores = [score for _, score in scored]
    ranks, histogram = score_ranks(scores, top[1], "ranks"), score_histogram(scores, top[1], "histogram")
    parts = _parts([trial for trial, _ in scored], top[0])
    return _Scores(*counts, baselines, fronts, parts, ranks, histogram)


def _parts(trials: Sequence[TrialRecord], best: TrialRecord) -> list[_Parts]:
    """Return pictures of accuracy against each other part of the scores, of which less is better."""
    from snnplug.report.figures.search import score_scatter

    found = []
    names = dict.fromkeys(name for trial in trials for name in trial.parts or ())
    for i, name in enumerate(name for name in names if name != _ACCURACY):
        known = [
            (trial, cost, accuracy)
            for trial in trials
            if (cost := (trial.parts or {}).get(name)) is not None
            and (accuracy := (trial.parts or {}).get(_ACCURACY)) is not None
        ]
        if not known:
            continue
        front = [known[k] for k in pareto_front([(-cost, accuracy) for _, cost, accuracy in known])]
        front = list({(cost, accuracy): (trial, cost, accuracy) for trial, cost, accuracy in front}.values())
        front.sort(key=lambda entry: entry[1])
        marked = next(((cost, accuracy) for trial, cost, accuracy in known if trial.key == best.key), None)
        picture = score_scatter(
            [cost for _, cost, _ in known],
            [accuracy for _, _, accuracy in known],
            marked,
            words.plain(name),
            f"parts{i}",
            [(cost, accuracy) for _, cost, accuracy in front],
            _ACCURACY,
        )
        found.append(_Parts(name, picture, front))
    return found


def _points(trials: Iterable[TrialRecord], name: str) -> list[tuple[float, float]]:
    """Return value and score of the trials that have both."""
    pairs = ((trial.values.get(name), trial.score) for trial in trials)
    return [(value, score) for value, score in pairs if value is not None and score is not None]
