"""A correlation to be read: Markdown tables, a plain record, and a picture."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from snnplug.contracts import TrainedNetwork
from snnplug.report.figure import save_svg
from snnplug.statistics.configurations import Configurations
from snnplug.statistics.intervals import Estimate
from snnplug.statistics.predictors import Predictor

__all__ = ["configurations_text", "predictor_table", "to_record", "write_scatter"]


def predictor_table(
    figures: Sequence[dict[str, Any]], *, all_logs: Sequence[dict[str, Any]] = (), scored: bool = False
) -> str:
    """Return figures of predictors as a table.

    Args:
        figures: of functionally different networks.
        all_logs: tau of the same predictors with all networks, those of one function too; or nothing.
        scored: scores are among them: the best tau comes first, and how fast they are is said.
    """
    if not figures:
        return ""
    firsts = sorted({k for row in figures for k in row["regret"] or ()})
    most = max(row["networks"] for row in figures)
    by_name = {row["predictor"]: row["tau"] for row in all_logs}
    header = ["predictor"]
    header += [f"tau, all {all_logs[0]['networks']:,} [95 %]"] if all_logs else []
    header += ["", "tau [95 %]", "rho [95 %]"] if scored else [f"tau, {most:,} different [95 %]"]
    header += ["tau, equal layers [95 %]", "best 10 % found"]
    header += [f"regret, first {k}" if k > 1 else "regret" for k in firsts]
    header += ["networks/s"] if scored else []
    rows = []
    by_tau = sorted(figures, key=lambda row: -row["tau"].value if row["tau"] else math.inf)
    for row in by_tau if scored else figures:
        missing = most - row["networks"]
        cells = [f"{row['predictor']} ({missing} without a score)" if missing else row["predictor"]]
        if all_logs:
            cells.append(_text(by_name[row["predictor"]]))
        if scored:
            cells.append("" if row["kind"] == "scorer" else row["kind"])
        cells += [_text(row["tau"]), *([_text(row["rho"])] if scored else []), _text(row["tau_equal_layers"])]
        cells.append(_range(row["top_overlap"], 100, ".0f", "%"))
        cells += [_range((row["regret"] or {}).get(k), 100, ".2f") for k in firsts]
        if scored:
            cells.append("" if math.isnan(row["per_second"]) else f"{row['per_second']:.3g}")
        rows.append(cells)
    return _markdown(header, rows)


def configurations_text(found: Configurations, networks: Sequence[TrainedNetwork]) -> str:
    """Return in a few lines which networks were trained otherwise than most; empty where none were."""
    counts = Counter(found.other[n.id] for n in networks if n.id in found.other)
    if not counts:
        return ""
    lines = [f"{counts.total():,} of these {len(networks):,} were trained otherwise than the others:", ""]
    lines += [f"- {count:,}: {word}" for word, count in counts.most_common()]
    if found.separation is not None:
        lines += [
            "",
            "Loss of the first epoch: against what the structure explains; the two groups of the benchmark "
            f"lie {found.separation:.1f} standard deviations apart.",
        ]
    return "\n".join(lines) + "\n"


def to_record(figures: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return figures as plain data."""
    return [{key: _plain(value) for key, value in row.items()} for row in figures]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return attrs.asdict(value) if attrs.has(type(value)) else value


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


def _range(estimate: Estimate | None, factor: float, form: str, unit: str = "") -> str:
    """Return an estimate times a factor, with its range."""
    if estimate is None:
        return "-"
    value, low, high = (
        format(round(factor * number, 6) + 0.0, form)
        for number in (estimate.value, estimate.low or 0, estimate.high or 0)
    )
    return f"{value}{unit} [{low}, {high}]"


def _text(value: Any) -> str:
    return "-" if value is None else str(value)


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
