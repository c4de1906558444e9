"""The learning curves of several runs in one picture, a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from snnplug.report.figure import save_svg
from snnplug.runs.compare import ComparedRun

__all__ = ["write_curves"]


def write_curves(runs: Sequence[ComparedRun], path: Path) -> None:
    """Draw loss and validation accuracy over the epochs, and accuracy over the seconds.

    Raises:
        StorageError: the file cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(13, 4), layout="constrained")
    loss, accuracy, speed = figure.subplots(1, 3)
    for run in runs:
        numbers = [epoch.epoch for epoch in run.epochs]
        reached = [epoch.judged for epoch in run.epochs]
        seconds = [run.seconds_until(n + 1) for n in range(len(run.epochs))]
        style = {"marker": "o", "markersize": 3.5, "linewidth": 1.6}
        loss.plot(numbers, [epoch.loss for epoch in run.epochs], label=run.name, **style)
        accuracy.plot(numbers, reached, label=run.name, **style)
        speed.plot(seconds, reached, label=run.name, **style)
    for axes, x, y in (
        (loss, "epoch", "training loss"),
        (accuracy, "epoch", "validation accuracy"),
        (speed, "seconds of training", "validation accuracy"),
    ):
        axes.set(xlabel=x, ylabel=y)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, linewidth=0.4)
    for axes in (loss, accuracy):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    accuracy.legend(frameon=False, fontsize=9)
    save_svg(figure, path)
