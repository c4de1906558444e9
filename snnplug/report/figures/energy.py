"""Energy of one inference, stacked from its items: of one model, and of all side by side."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from snnplug.report.energy_models import OTHER, ModelRow
from snnplug.report.figure import INK, SERIES, SURFACE, new, to_svg
from snnplug.report.words import quantity, shorten
from snnplug.runs.energy_records import Energy

__all__ = ["energy_bar", "models_bars"]


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


def models_bars(rows: Sequence[ModelRow], terms: Sequence[str], name: str) -> Markup:
    """Draw a bar for each model, its items in the colours of their terms, its first baseline being 1.

    Args:
        rows: models that have a baseline.
        terms: in the order of their colours.
        name: unique on the page.
    """
    figure, axes = new(height=70 + 34 * len(rows))
    for place, row in enumerate(rows):
        unit, start = row.energy.baselines[0].value or 1.0, 0.0
        for item in row.energy.items:
            size = max(item.value or 0.0, 0.0) / unit
            color = SERIES[terms.index(item.term or OTHER) % len(SERIES)]
            axes.barh([place], [size], left=[start], height=0.6, color=color, edgecolor=SURFACE)
            start += size
        for other in row.energy.baselines[1:]:
            axes.plot([(other.value or 0.0) / unit] * 2, [place - 0.4, place + 0.4], color=INK, linewidth=2)
    axes.axvline(1.0, color=INK, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(rows)), [shorten(row.name, 26) for row in rows], parse_math=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("energy by the same model, dense ANN = 1", parse_math=False)
    said = "; ".join(
        f"{row.name} {quantity(row.energy.value, row.energy.unit)}, "
        + ", ".join(f"{a.shown} of its {a.name}" for a in row.against)
        for row in rows
    )
    return to_svg(figure, name, f"Energy by model against the dense ANN: {said}")
