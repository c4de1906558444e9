"""A correlation to be read: Markdown tables, a plain record, and a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from snnplug.contracts import TrainedNetwork
from snnplug.report.figure import save_svg
from snnplug.statistics.predictors import Predictor

__all__ = ["scores_table", "table_table", "to_record", "write_scatter"]


def table_table(everything: Sequence[dict[str, Any]], different: Sequence[dict[str, Any]]) -> str:
    """Return what the benchmark itself tells: figures of all networks, and of one for each function."""
    if not everything:
        return ""
    header = [
        "predictor",
        f"tau, all {everything[0]['networks']:,}",
        "rho",
        f"tau, {different[0]['networks']:,} different",
        "rho",
        "tau, equal layers",
        "best 10 % found",
        "regret",
    ]
    rows = [
        [a["predictor"], _text(a["tau"]), _text(a["rho"]), _text(b["tau"]), _text(b["rho"]), *_rest(b)]
        for a, b in zip(everything, different, strict=True)
    ]
    return _markdown(header, rows)


def scores_table(figures: Sequence[dict[str, Any]]) -> str:
    """Return the figures of the networks that were scored, the best tau first."""
    header = ["predictor", "", "tau [95 %]", "rho [95 %]", "tau, equal layers [95 %]"]
    header += ["best 10 % found", "regret", "networks/s"]
    rows = []
    for row in sorted(figures, key=lambda row: -row["tau"].value if row["tau"] else math.inf):
        speed = "" if math.isnan(row["per_second"]) else f"{row['per_second']:.3g}"
        kind = "" if row["kind"] == "scorer" else row["kind"]
        missing = max(other["networks"] for other in figures) - row["networks"]
        name = f"{row['predictor']} ({missing} without a score)" if missing else row["predictor"]
        rows.append([name, kind, _text(row["tau"]), _text(row["rho"]), *_rest(row), speed])
    return _markdown(header, rows)


def to_record(figures: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return figures as plain data."""
    return [
        {key: attrs.asdict(value) if attrs.has(type(value)) else value for key, value in row.items()}
        for row in figures
    ]


def write_scatter(predictors: Sequence[Predictor], networks: Sequence[TrainedNetwork], path: Path) -> None:
    """Draw accuracy over each predictor, one small picture each; infinite scores are left out.

    Raises:
        StorageError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    columns = min(4, len(predictors))
    lines = -(-len(predictors) // columns)
    figure = Figure(figsize=(3.3 * columns, 2.9 * lines), layout="constrained")
    grid = list(figure.subplots(lines, columns, squeeze=False, sharey=True).flat)
    for axes, predictor in zip(grid, predictors, strict=False):
        points = [
            (value, network.accuracy)
            for value, network in zip(predictor.values, networks, strict=True)
            if math.isfinite(value)
        ]
        axes.plot([x for x, _ in points], [y for _, y in points], "o", markersize=3.5, alpha=0.5)
        axes.set_title(predictor.name, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, linewidth=0.4)
        axes.ticklabel_format(axis="x", style="sci", scilimits=(-3, 4))
        axes.locator_params(axis="x", nbins=4)
    for axes in grid[len(predictors) :]:
        axes.set_visible(False)
    figure.supylabel("accuracy after training", fontsize=10)
    save_svg(figure, path)


def _rest(row: dict[str, Any]) -> list[str]:
    if row["regret"] is None:
        return ["-", "-", "-"]
    return [_text(row["tau_equal_layers"]), f"{row['top_overlap']:.0%}", f"{100 * row['regret']:.2f}"]


def _text(value: Any) -> str:
    return "-" if value is None else str(value)


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
