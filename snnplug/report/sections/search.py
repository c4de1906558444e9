"""The cell that a search found, and its scores."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

import attrs
from markupsafe import Markup

from snnplug.contracts import Graph
from snnplug.report import words
from snnplug.report.candidates import (
    Beside,
    Reason,
    beside,
    best_candidates,
    lower_is_better,
    part_names,
    reasons,
)
from snnplug.report.cell import draw, layout
from snnplug.report.chain import draw_chain, is_chain
from snnplug.report.rungs import Climber, RungView, climbers, rung_views
from snnplug.report.section import Section, Stat, render_template
from snnplug.report.trade import Trade, trades
from snnplug.runs.reading import Records
from snnplug.runs.records import SearchRecord, TrialRecord
from snnplug.statistics.ranking import kendall

__all__ = ["Search"]

_PAGE = 720  # pixels, for the drawing of a cell


class Search(Section):
    """The section of the stage search."""

    def stats(self, records: Records) -> list[Stat]:
        """Return the best score, where no accuracy says more."""
        summary = records.summary
        if summary is None or summary.search is None:
            return []
        if summary.accuracy is not None and summary.accuracy.test is not None:
            return []
        score, scorer = summary.search.score, summary.search.scorer
        if summary.search.rungs and (best := summary.search.rungs[-1].best) is not None:
            score, scorer = best.score, summary.search.rungs[-1].scorer
        return [Stat("Best score", words.number(score), note=f"by {words.plain(scorer)}")]

    def render(self, records: Records) -> Markup:
        """Return the cell and the scores, nothing where the recipe has no search."""
        if not records.resolved.recipe.get("search"):
            return Markup()
        found = records.summary.search if records.summary else None
        graph = found.graph if found and found.graph and found.graph.nodes else None
        chain = graph is not None and _is_long_chain(graph)
        cell = graph and (draw_chain(graph) if chain else draw(graph))
        used = [use for use in records.resolved.components if found and use.use == found.scorer]
        values = {
            "found": found,
            "cell": cell,
            "chain": chain,
            "search": _scores(records),
            "scorer": next(iter(used), None),
            "directory": shlex.quote(str(records.directory)),
        }
        return render_template("sections/search.html.j2", records, **values)


def _is_long_chain(graph: Graph) -> bool:
    """Whether a cell is a chain that does not fit into the page if its nodes stand on one line."""
    return is_chain(graph) and layout(graph).width > _PAGE


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
class _Scores:
    """Scores of a search, without pictures where no candidate has one."""

    candidates: int
    failed: int
    refused: int
    baselines: Sequence[_Baseline] = ()
    fronts: Sequence[_Front] = ()
    trades: Sequence[Trade] = ()
    parts: Sequence[str] = ()
    best: Sequence[TrialRecord] = ()
    winner: TrialRecord | None = None
    references: Sequence[Beside] = ()
    reasons: Sequence[Reason] = ()
    lower: bool = False
    rungs: Sequence[RungView] = ()
    climbers: Sequence[Climber] = ()
    first_seconds: float = 0.0
    first_best: float | None = None
    course: Markup | None = None
    ranks: Markup | None = None
    histogram: Markup | None = None


def _scores(data: Records) -> _Scores | None:
    """Return the pictures of the scores, None without a trial file."""
    from snnplug.report.figures.search import score_course, score_histogram, score_ranks

    if data.trials is None:
        return None
    scored = [(trial, trial.score) for trial in data.trials if trial.score is not None]
    refused = sum(trial.beyond is not None for trial in data.trials)
    counts = len(data.trials), len(data.trials) - len(scored) - refused, refused
    if not scored:
        return _Scores(*counts, reasons=reasons(data.trials))
    found = data.summary.search if data.summary else None
    top = next(
        (pair for pair in scored if found and pair[0].key == found.key), max(scored, key=lambda pair: pair[1])
    )
    baselines, fronts = _against(data.trials, top[0], found)
    scores = [score for _, score in scored]
    ranks, histogram = score_ranks(scores, top[1], "ranks"), score_histogram(scores, top[1], "histogram")
    by_hand, winner = found.references if found else {}, top[0]
    parts, lower = part_names(data.trials), lower_is_better(data.trials, winner, found)
    rungs = rung_views(data)
    return _Scores(
        *counts,
        baselines=baselines,
        fronts=fronts,
        trades=trades(data.trials, winner, list(by_hand.values())),
        parts=parts,
        best=best_candidates(data.trials, lower=lower),
        winner=winner,
        references=beside(by_hand, winner, parts),
        reasons=reasons(data.trials),
        lower=lower,
        rungs=rungs,
        climbers=climbers(data, rungs),
        first_seconds=sum(trial.seconds or 0.0 for trial in data.trials),
        first_best=min(scores) if lower else max(scores),
        course=score_course([trial.score for trial in data.trials], lower, "course"),
        ranks=ranks,
        histogram=histogram,
    )


def _against(
    trials: Sequence[TrialRecord], top: TrialRecord, found: SearchRecord | None
) -> tuple[list[_Baseline], list[_Front]]:
    """Return pictures of the score against all else that is known of the candidates."""
    from snnplug.report.figures.search import score_scatter

    baselines, fronts = [], []
    goals, front = (found.objectives, found.pareto) if found else ({}, ())
    for i, name in enumerate(dict.fromkeys(name for trial in trials for name in trial.values)):
        points = _points(trials, name)
        if points:
            values, theirs = [v for v, _ in points], [score for _, score in points]
            best = next(iter(_points([top], name)), None)
            marked = _points(front, name) if name in goals else []
            picture = score_scatter(values, theirs, best, words.plain(name), f"scatter{i}", marked)
            if name in goals:
                fronts.append(_Front(name, goals[name], picture))
            else:
                baselines.append(_Baseline(name, kendall(values, theirs), picture))
    return baselines, fronts


def _points(trials: Iterable[TrialRecord], name: str) -> list[tuple[float, float]]:
    """Return value and score of the trials that have both."""
    pairs = ((trial.values.get(name), trial.score) for trial in trials)
    return [(value, score) for value, score in pairs if value is not None and score is not None]
