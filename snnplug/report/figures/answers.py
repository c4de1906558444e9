"""What a network says of the test data: accuracy by time step, and which classes it confuses."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from snnplug.report.figure import INK, SERIES, new, to_svg

__all__ = ["accuracy_steps", "confusion_matrix"]

_LARGEST = 30  # classes; beyond, the cells of the matrix are too small to read


def accuracy_steps(accuracies: Sequence[float], name: str) -> Markup:
    """Draw the accuracy in percent after each time step."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = new()
    shown = [100 * accuracy for accuracy in accuracies]
    axes.plot(range(1, len(shown) + 1), shown, "o-", color=SERIES[0], linewidth=2, markersize=4)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("time step")
    axes.set_ylabel("accuracy, %")
    return to_svg(
        figure, name, f"Accuracy from {shown[0]:.3g} % after the first time step to {shown[-1]:.3g} %"
    )


def confusion_matrix(table: Sequence[Sequence[int]], name: str) -> Markup | None:
    """Draw a matrix of counts, classes in rows, answers in columns; None for more than can be read."""
    if not 2 <= len(table) <= _LARGEST:
        return None
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import MaxNLocator

    figure, axes = new(height=300)
    axes.grid(False)
    for row, counts in enumerate(table):
        whole = max(sum(counts), 1)
        for column, count in enumerate(counts):
            if not count:
                continue
            color = SERIES[0] if row == column else SERIES[1]
            weight = 0.1 + 0.5 * count / whole
            axes.add_patch(Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, color=color, alpha=weight))
            if len(table) <= 12:
                axes.text(column, row, str(count), color=INK, ha="center", va="center", fontsize=11)
    axes.set_xlim(-0.5, len(table) - 0.5)
    axes.set_ylim(len(table) - 0.5, -0.5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=12))
    axes.set_xlabel("answer")
    axes.set_ylabel("class")
    right = sum(counts[row] for row, counts in enumerate(table))
    total = sum(map(sum, table))
    return to_svg(figure, name, f"Answers by class: {right} of {total} on the diagonal are right")
