"""Where a converted network errs: the error of every layer, and the staircase of its coding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from snnplug.contracts import LayerError, Trace
from snnplug.report.figure import INK, MUTED, SERIES, SURFACE, WIDTH, new, to_svg
from snnplug.report.words import percent, shorten

__all__ = ["PARTS", "layer_errors", "staircases"]

PARTS = (("lower", "lower truncation"), ("quantisation", "quantisation"), ("upper", "upper truncation"))
"""Attributes of `LayerError` in the order in which they are stacked, and what they are called."""

_ROW = 46  # pixels for a layer's name and its two bars
_BARS = (("own", 0.02), ("accumulated", 0.3))  # and their places below the name, in rows


def layer_errors(trace: Trace, name: str) -> Markup:
    """Draw two bars for each layer, its own error above the accumulated one, stacked from their parts.

    A bar is as long as the relative error; the parts divide it as they divide the sum of absolute errors.
    """
    from matplotlib.ticker import PercentFormatter

    layers = trace.layers
    figure, axes = new(WIDTH, 44 + _ROW * len(layers))
    widest = (
        max((e.relative or 0.0 for one in layers for e in (one.own, one.accumulated)), default=0.0) or 1.0
    )
    for row, layer in enumerate(layers):
        text = shorten(layer.name or "network", 52)
        place = axes.get_yaxis_transform()
        axes.text(
            0, row - 0.26, text, color=INK, transform=place, fontsize=12, parse_math=False
        ).set_in_layout(False)
        for kind, below in _BARS:
            error: LayerError = getattr(layer, kind)
            start = 0.0
            for color, size in zip(SERIES, _sizes(error), strict=False):
                axes.barh([row + below], [size], left=[start], height=0.22, color=color, edgecolor=SURFACE)
                start += size
            axes.text(
                start + 0.015 * widest,
                row + below,
                percent(error.relative),
                color=INK,
                va="center",
                fontsize=12,
            )
    axes.set_xlim(0, 1.2 * widest)
    axes.set_ylim(len(layers) - 0.4, -0.62)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("error, relative to the activations")
    said = "; ".join(
        f"{one.name} {percent(one.own.relative)} and {percent(one.accumulated.relative)}" for one in layers
    )
    return to_svg(figure, name, f"Own and accumulated error by layer: {said}")


def staircases(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], name: str) -> Markup:
    """Draw decoded values over potentials, and the ReLU that they stand for as a dashed line.

    Args:
        curves: at most six codings: potentials, ascending, and decoded values.
        name: see `to_svg`.
    """
    figure, axes = new()
    points = [x for xs, _ in curves.values() for x in xs]
    low, high = min(points, default=0.0), max(points, default=1.0)
    axes.plot(
        [low, max(0.0, low), high],
        [0.0 if low < 0 else low, max(0.0, low), max(0.0, high)],
        color=MUTED,
        linestyle="--",
        linewidth=1.2,
    )
    for color, (xs, ys) in zip(SERIES, curves.values(), strict=False):
        axes.step(xs, ys, where="post", color=color, linewidth=1.6)
    axes.set_xlabel("potential")
    axes.set_ylabel("decoded value")
    return to_svg(figure, name, f"Decoded value over potential, beside a ReLU: {', '.join(curves)}")


def _sizes(error: LayerError) -> list[float]:
    total = error.total or 1.0
    return [(error.relative or 0.0) * getattr(error, part).total / total for part, _ in PARTS]
