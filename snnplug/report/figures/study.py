"""Means of a study: over two axes, and one measure over another."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from snnplug.report.figure import INK, SERIES, new, to_svg

__all__ = ["heat_map", "scatter"]


def heat_map(
    grid: Sequence[Sequence[float | None]],
    rows: Sequence[str],
    columns: Sequence[str],
    of_rows: str,
    of_columns: str,
    name: str,
) -> Markup:
    """Draw numbers as the strength of a colour, with the number in each field.

    Args:
        grid: a list for each row; None for a field without a number.
        rows, columns: what they are called.
        of_rows, of_columns: names of the axes.
        name: unique on the page.
    """
    figure, axes = new(height=110 + 44 * len(rows))
    known = [value for row in grid for value in row if value is not None]
    low, high = min(known), max(known)
    for i, row in enumerate(grid):
        for j, value in enumerate(row):
            if value is None:
                continue
            strength = 0.08 + 0.62 * ((value - low) / (high - low) if high > low else 0.5)
            axes.fill_between(
                [j - 0.5, j + 0.5], i - 0.5, i + 0.5, color=SERIES[0], alpha=strength, linewidth=0
            )
            axes.text(j, i, f"{value:.4g}", ha="center", va="center", color=INK, fontsize=11)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5), xlabel=of_columns, ylabel=of_rows)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.grid(False)
    return to_svg(figure, name, f"Map of {of_rows} and {of_columns}.")


def scatter(points: Sequence[tuple[float, float]], front: Sequence[int], x: str, y: str, name: str) -> Markup:
    """Draw one mean over another.

    Args:
        points: of the combinations.
        front: positions of those that are circled.
        x, y: names of the measures.
        name: unique on the page.
    """
    figure, axes = new()
    axes.plot(*zip(*points, strict=True), "o", color=SERIES[0], markersize=6, alpha=0.8)
    best = [points[i] for i in front]
    axes.plot(*zip(*best, strict=True), "o", color=SERIES[2], markersize=11, markerfacecolor="none")
    axes.set(xlabel=x, ylabel=y)
    return to_svg(figure, name, f"{y} over {x}.")
