"""Codings of one trained network: accuracy against a cost, numbered as the rows of their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from snnplug.report.figure import INK, SERIES, SURFACE, new, to_svg

__all__ = ["coding_trade"]

Point = tuple[float, float]


def coding_trade(
    points: Mapping[int, Point], front: Sequence[int], ann: float, what: str, name: str
) -> Markup:
    """Draw accuracy over a cost of which less is better.

    Args:
        points: cost and accuracy by the number of the row.
        front: numbers of those that no other beats in both.
        ann: accuracy of the network that was converted.
        what: name of the cost.
        name: unique on the page.
    """
    from matplotlib.ticker import EngFormatter, NullFormatter, PercentFormatter

    figure, axes = new(height=290)
    axes.axhline(ann, color=INK, linewidth=1, linestyle="--")
    line = sorted(points[number] for number in front)
    axes.plot(*zip(*line, strict=True), "-", color=SERIES[2], linewidth=1.4)
    axes.update_datalim(list(points.values()))  # a text alone makes no room for itself
    for number, point in points.items():
        edge = SERIES[2] if number in front else INK
        square = {"boxstyle": "square,pad=0.18", "facecolor": SURFACE, "edgecolor": edge, "linewidth": 1.2}
        axes.text(*point, str(number), color=INK, fontsize=12, ha="center", va="center", bbox=square)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.margins(0.09)
    axes.set_xlabel(what, parse_math=False)
    axes.set_ylabel("accuracy")
    said = "; ".join(f"{n}: {cost:.4g}, {accuracy:.1%}" for n, (cost, accuracy) in points.items())
    return to_svg(figure, name, f"Accuracy over {what} by coding, the ANN {ann:.1%}: {said}")
