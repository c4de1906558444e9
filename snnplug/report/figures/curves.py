"""Learning curves: loss and accuracy over the epochs."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from snnplug.report.figure import INK, SERIES, new, to_svg
from snnplug.runs.records import Epoch

__all__ = ["accuracy_curve", "loss_curve"]


def loss_curve(epochs: Sequence[Epoch], name: str) -> Markup:
    """Draw the loss of the training and the validation split."""
    train, val = [e.loss for e in epochs], [e.val_loss for e in epochs]
    return _curves(epochs, train, val, None, "loss", name)


def accuracy_curve(epochs: Sequence[Epoch], test: float | None, name: str) -> Markup:
    """Draw the accuracy in percent of the training and validation split, and the test accuracy as a line."""
    train, val = ([None if a is None else 100 * a for a in column] for column in _accuracies(epochs))
    return _curves(epochs, train, val, None if test is None else 100 * test, "accuracy, %", name)


def _accuracies(epochs: Sequence[Epoch]) -> tuple[list[float | None], list[float | None]]:
    return [e.accuracy for e in epochs], [e.val_accuracy for e in epochs]


def _curves(
    epochs: Sequence[Epoch],
    train: Sequence[float | None],
    val: Sequence[float | None],
    test: float | None,
    what: str,
    name: str,
) -> Markup:
    from matplotlib.ticker import MaxNLocator

    figure, axes = new()
    marker = "o" if len(epochs) <= 20 else ""
    said = []
    for values, color, style, split in (
        (train, SERIES[0], "-", "training"),
        (val, SERIES[1], "--", "validation"),
    ):
        points = [(e.epoch, y) for e, y in zip(epochs, values, strict=True) if y is not None]
        if points:
            x, y = zip(*points, strict=True)
            axes.plot(x, y, color=color, linestyle=style, marker=marker, markersize=4, linewidth=2)
            said.append(f"{split} from {y[0]:.3g} to {y[-1]:.3g}")
    if test is not None:
        axes.axhline(test, color=INK, linestyle=":", linewidth=1.6)
        said.append(f"test {test:.3g}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.set_ylabel(what)
    return to_svg(
        figure, name, f"{what.capitalize()} over {len(epochs)} epochs: {'; '.join(said) or 'no values'}"
    )
