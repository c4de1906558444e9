"""Accuracy against a cost over the course of a search, with what no candidate beats in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from snnplug.report.figure import INK, SERIES, SURFACE, new, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["trade_off"]

Points = Sequence[tuple[float, float]]

_EARLY_TO_LATE: tuple[dict[str, Any], ...] = (
    {"markerfacecolor": "none", "markeredgecolor": SERIES[5], "markeredgewidth": 1.1},
    {"markerfacecolor": SERIES[4], "markeredgewidth": 0, "alpha": 0.8},
    {"markerfacecolor": SERIES[0], "markeredgewidth": 0, "alpha": 0.8},
)


def trade_off(
    periods: Sequence[Points],
    front: Points,
    best: tuple[float, float] | None,
    references: Mapping[int, tuple[float, float]],
    what: str,
    name: str,
) -> Markup:
    """Draw accuracy over a cost of which less is better.

    Args:
        periods: cost and accuracy of the candidates, in the early, the middle and the late part of the
            search.
        front: those that no other candidate beats in both, by cost.
        best: the winner.
        references: networks made by hand, by their number.
        what: name of the cost.
        name: unique on the page.
    """
    from matplotlib.ticker import EngFormatter, PercentFormatter

    figure, axes = new(height=290)
    count = sum(map(len, periods))
    size = 6 if count <= 300 else 3.5
    for points, style in zip(periods, _EARLY_TO_LATE, strict=True):
        if points:
            axes.plot(*zip(*points, strict=True), "o", markersize=size, **style)
    line: dict[str, Any] = {"color": SERIES[2], "markerfacecolor": "none", "markersize": 9, "linewidth": 1.4}
    axes.plot(*zip(*front, strict=True), "o-", markeredgewidth=1.6, **line)
    for number, point in references.items():
        _number(axes, point, str(number))
    axes.update_datalim(list(references.values()))  # a text alone makes no room for itself
    if best is not None:
        axes.plot(*best, "D", color=SERIES[1], markersize=9, markeredgecolor=INK, markeredgewidth=1.2)
    costs = [cost for points in (*periods, references.values()) for cost, _ in points]
    if not 1e-2 <= max(map(abs, costs)) < 1e4:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.locator_params(axis="x", nbins=6)
    axes.margins(0.07)
    axes.set_xlabel(what, parse_math=False)
    axes.set_ylabel("accuracy")
    shown = f"the best and the Pareto front of {len(front)} marked"
    if references:
        shown += f", and {len(references)} networks made by hand"
    return to_svg(figure, name, f"Accuracy of {count} candidates over {what}, {shown}")


def _number(axes: Axes, point: tuple[float, float], text: str) -> None:
    square = {"boxstyle": "square,pad=0.18", "facecolor": SURFACE, "edgecolor": INK, "linewidth": 1.2}
    axes.text(*point, text, color=INK, fontsize=12, ha="center", va="center", bbox=square, zorder=4)
