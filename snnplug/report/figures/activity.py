"""Spikes: a raster for each layer, and firing rates by layer and by time step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from snnplug.contracts import NeuronActivity
from snnplug.report.figure import INK, MUTED, SERIES, WIDTH, new, to_svg
from snnplug.report.words import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["raster", "rate_bars", "rate_steps"]

_ROW = 40  # pixels for a layer's name and what is drawn below it
_MIDDLE = 0.14  # of what is drawn, below the name, in rows
_NUMBERED_STEPS = 8  # more cells than these are too narrow for a number
_LEVELS = 4  # of grey, for spikes that carry values


def raster(layer: NeuronActivity, name: str) -> Markup:
    """Draw the recorded spikes `[T, n]` of a layer: a mark for each neuron and time step."""
    from matplotlib.ticker import MaxNLocator

    steps, neurons = len(layer.raster), len(layer.raster[0])
    figure, axes = new(190, 190)
    axes.grid(False)
    marks: dict[int, list[tuple[float, float, float, float]]] = {}
    largest = max((abs(spike) for row in layer.raster for spike in row), default=0.0) or 1.0
    for step, row in enumerate(layer.raster, 1):
        for neuron, spike in enumerate(row):
            if spike:
                level = max(1, round(_LEVELS * abs(spike) / largest))
                marks.setdefault(level, []).append((step - 0.43, neuron - 0.4, 0.86, 0.8))
    for level, boxes in sorted(marks.items()):
        _boxes(axes, boxes, level / _LEVELS)
    axes.set_xlim(0.4, steps + 0.6)
    axes.set_ylim(neurons - 0.3, -0.7)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=5))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=4))
    axes.set_xlabel("time step")
    axes.set_ylabel("neuron")
    if not marks:
        axes.text(
            (steps + 1) / 2,
            (neurons - 1) / 2,
            "no spikes",
            color=MUTED,
            ha="center",
            va="center",
            fontsize=12,
        )
    count = sum(len(boxes) for boxes in marks.values())
    return to_svg(
        figure, name, f"Spike raster of {layer.name}: {count} spikes of {neurons} neurons in {steps} steps"
    )


def rate_bars(layers: Sequence[NeuronActivity], name: str) -> Markup:
    """Draw a bar for each layer: spikes per neuron and time step."""
    rates = [layer.rate for layer in layers]
    figure, axes = _rows(layers)
    axes.barh([row + _MIDDLE for row in range(len(layers))], rates, height=0.36, color=SERIES[0])
    widest = max(rates, default=0.0) or 1.0
    for row, rate in enumerate(rates):
        axes.text(rate + 0.015 * widest, row + _MIDDLE, f"{rate:.3f}", color=INK, va="center", fontsize=12)
    axes.set_xlim(0, 1.15 * widest)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("spikes per neuron and time step")
    return to_svg(figure, name, "Firing rate by layer: " + "; ".join(_said(layers, rates)))


def rate_steps(layers: Sequence[NeuronActivity], samples: int, name: str) -> Markup:
    """Draw a row of cells for each layer, one a time step, the darker the higher the firing rate."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = _rows(layers)
    axes.grid(False)
    table = [[spikes / max(samples * layer.size, 1) for spikes in layer.spikes] for layer in layers]
    steps = max(map(len, table), default=0)
    highest = max((rate for row in table for rate in row), default=0.0) or 1.0
    for row, rates in enumerate(table):
        for step, rate in enumerate(rates, 1):
            _boxes(axes, [(step - 0.47, row + _MIDDLE - 0.22, 0.94, 0.44)], 0.04 + 0.56 * rate / highest)
            if steps <= _NUMBERED_STEPS:
                axes.text(
                    step, row + _MIDDLE, f"{rate:.3f}", color=INK, ha="center", va="center", fontsize=12
                )
    axes.set_xlim(0.5, max(steps, 1) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("time step")
    firsts, lasts = ([row[i] if row else 0.0 for row in table] for i in (0, -1))
    said = [f"{text} to {last:.3f}" for text, last in zip(_said(layers, firsts), lasts, strict=True)]
    return to_svg(figure, name, "Firing rate by layer, first to last time step: " + "; ".join(said))


def _rows(layers: Sequence[NeuronActivity]) -> tuple[Figure, Axes]:
    """Return axes with a row for each layer, its name above the row, where a long one has room."""
    figure, axes = new(WIDTH, 44 + _ROW * len(layers))
    for row, layer in enumerate(layers):
        place = axes.get_yaxis_transform()
        text = shorten(layer.name or "network", 52)
        axes.text(
            0, row - 0.26, text, color=INK, transform=place, fontsize=12, parse_math=False
        ).set_in_layout(False)
    axes.set_ylim(len(layers) - 0.5, -0.62)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    return figure, axes


def _boxes(axes: Axes, boxes: Sequence[tuple[float, float, float, float]], alpha: float) -> None:
    """Draw boxes (x, y, width, height) as one path: thousands of marks stay small in the SVG."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)] for x, y, w, h in boxes]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(boxes)
    path = Path([point for box in corners for point in box], codes)
    axes.add_patch(PathPatch(path, facecolor=SERIES[0], alpha=alpha, linewidth=0))


def _said(layers: Sequence[NeuronActivity], rates: Sequence[float]) -> list[str]:
    return [f"{layer.name} {rate:.3f}" for layer, rate in zip(layers, rates, strict=True)]
