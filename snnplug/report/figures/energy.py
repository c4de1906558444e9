"""Energy of one inference, stacked from its items."""

from __future__ import annotations

from markupsafe import Markup

from snnplug.report.figure import SERIES, SURFACE, new, to_svg
from snnplug.report.words import quantity
from snnplug.runs.records import Energy

__all__ = ["energy_bar"]


def energy_bar(energy: Energy, name: str) -> Markup:
    """Draw one horizontal bar, a part for each item; the n-th has the n-th series colour."""
    from matplotlib.ticker import EngFormatter

    figure, axes = new(height=92)
    start = 0.0
    for i, item in enumerate(energy.items):
        size = max(item.value or 0.0, 0.0)
        axes.barh([0], [size], left=[start], height=0.7, color=SERIES[i % len(SERIES)], edgecolor=SURFACE)
        start += size
    axes.set_xlim(0, 1.02 * start or 1.0)
    axes.set_ylim(-0.5, 0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
    unit = energy.unit if energy.unit == "J" else ""
    if unit or start >= 1e4:
        axes.xaxis.set_major_formatter(EngFormatter(unit=unit, sep="\N{NO-BREAK SPACE}" if unit else ""))
    axes.set_xlabel(f"{'energy' if unit else energy.unit} per sample", parse_math=False)
    items = "; ".join(f"{item.name} {quantity(item.value, energy.unit)}" for item in energy.items)
    return to_svg(figure, name, f"Energy by {energy.model}: {items}")
