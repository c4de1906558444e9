"""How a training stands, in a few words beside a bar, and as a line an epoch where none is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from snnplug.engine.progress import Reporter
from snnplug.runs.reading import to_plain
from snnplug.runs.records import Epoch

__all__ = ["standing", "tell_epoch"]

_SLOW, _LONG = 0.4, 5.0  # share of the time, and seconds of an epoch


def standing(history: Sequence[Epoch], *, whole: bool = False) -> str:
    """Return how a training stands: what a bar of 80 columns has room for, or the `whole` of it."""
    if not history:
        return ""
    last = history[-1]
    val = f", val {last.val_accuracy:.4f}" if last.val_accuracy is not None else ""
    own = f", accuracy {last.accuracy:.4f}" if whole or not val else ""
    return f"loss {last.loss:.4f}{own}{val}"


def tell_epoch(report: Reporter, stage: str, epochs: int, history: Sequence[Epoch]) -> None:
    """Tell the last epoch of a training.

    Args:
        report: where it is told.
        stage: whose training it is.
        epochs: that it will have.
        history: so far, at least one epoch.
    """
    last, seconds = history[-1], [epoch.seconds for epoch in history if epoch.seconds is not None]
    left = (epochs - last.epoch) * sum(seconds) / max(len(seconds), 1)
    said = f"{stage} {last.epoch}/{epochs}: {standing(history, whole=True)}"
    said += f", {last.seconds or 0:.1f} s, {left:.0f} s left"
    report.tell("epoch", said, of=epochs, **to_plain(last))
    if _is_slow(last) and not any(map(_is_slow, history[:-1])):
        report.say(
            f"note: {stage} waits for data {last.data_share:.0%} of its time; {stage}.workers reads samples "
            "ahead, and a faster disk, or memory for what was read (such as dataset.cache_gb), helps too"
        )


def _is_slow(epoch: Epoch) -> bool:
    """Whether much of an epoch that takes its time waited for data."""
    return (epoch.data_share or 0) > _SLOW and (epoch.seconds or 0) > _LONG
