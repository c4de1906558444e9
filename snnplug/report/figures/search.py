"""The scores of a search: against each baseline, sorted, and as a histogram. The best is marked in each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from snnplug.report.figure import INK, SERIES, SURFACE, new, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["score_course", "score_histogram", "score_ranks", "score_scatter"]


def score_scatter(
    values: Sequence[float],
    scores: Sequence[float],
    best: tuple[float, float] | None,
    what: str,
    name: str,
    front: Sequence[tuple[float, float]] = (),
) -> Markup:
    """Draw the score over the values of a baseline or an objective.

    Args:
        values: of the baseline, one a candidate.
        scores: one a candidate.
        best: value and score of the best candidate.
        what: name of the baseline.
        name: unique on the page.
        front: value and score of each candidate on the Pareto front, which are ringed; a line
            joins them where this is the only objective.
    """
    from matplotlib.ticker import EngFormatter

    figure, axes = new()
    size = 6 if len(scores) <= 300 else 3
    axes.plot(values, scores, "o", color=SERIES[0], alpha=0.55, markersize=size, markeredgewidth=0)
    if front:
        at, height = zip(*sorted(front), strict=True)
        joined = list(height) in (sorted(height), sorted(height, reverse=True))  # else it is a projection
        axes.plot(
            at,
            height,
            "o-" if joined else "o",
            color=SERIES[2],
            markersize=9,
            markerfacecolor="none",
            markeredgewidth=1.6,
            linewidth=1.2,
        )
    if best is not None:
        _mark(axes, *best)
    if max(map(abs, values)) >= 1e4:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel(what, parse_math=False)
    axes.set_ylabel("score")
    marked = f"the best and the Pareto front of {len(front)} marked" if front else "the best marked"
    return to_svg(figure, name, f"Score of {len(scores)} candidates over {what}, {marked}")


def score_ranks(scores: Sequence[float], best: float | None, name: str) -> Markup:
    """Draw the scores sorted from the best to the worst."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = new()
    ranked = sorted(scores, reverse=True)
    axes.plot(
        range(1, len(ranked) + 1), ranked, "o", color=SERIES[0], alpha=0.55, markersize=5, markeredgewidth=0
    )
    if best is not None and best in ranked:
        _mark(axes, ranked.index(best) + 1, best)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("rank")
    axes.set_ylabel("score")
    label = f"{len(ranked)} scores sorted, from {ranked[0]:.4g} to {ranked[-1]:.4g}, the best marked"
    return to_svg(figure, name, label)


def score_course(scores: Sequence[float | None], lower: bool, name: str) -> Markup:
    """Draw the scores in the order in which candidates were first drawn, and the best so far as a line.

    Args:
        scores: one a candidate, None for one without.
        lower: whether lower ones are better.
        name: unique on the page.
    """
    from matplotlib.ticker import MaxNLocator

    figure, axes = new()
    known = [(number, score) for number, score in enumerate(scores) if score is not None]
    at, height = [number for number, _ in known], [score for _, score in known]
    best = list(itertools.accumulate(height, min if lower else max))
    axes.plot(at, height, "o", color=SERIES[0], alpha=0.4, markersize=5, markeredgewidth=0)
    axes.step([*at, len(scores) - 1], [*best, best[-1]], where="post", color=SERIES[1], linewidth=2)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("candidate")
    axes.set_ylabel("score")
    last = at[best.index(best[-1])]
    return to_svg(
        figure, name, f"Best score so far over {len(scores)} candidates; the last gain is at {last}"
    )


def score_histogram(scores: Sequence[float], best: float | None, name: str) -> Markup:
    """Draw how many candidates have about the same score."""
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    figure, axes = new()
    counts, edges = np.histogram(scores, bins="auto" if len(scores) < 3000 else 60)
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=SERIES[0], alpha=0.7, edgecolor=SURFACE)
    if best is not None:
        axes.axvline(best, color=SERIES[1], linewidth=2)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("score")
    axes.set_ylabel("candidates")
    return to_svg(figure, name, f"Histogram of {len(scores)} scores in {len(counts)} bins, the best marked")


def _mark(axes: Axes, x: float, y: float) -> None:
    axes.plot([x], [y], "D", color=SERIES[1], markersize=9, markeredgecolor=INK, markeredgewidth=1.2)
