"""Learning curves of every training of a run."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from markupsafe import Markup

from snnplug.report import words
from snnplug.report.section import Section, Stat, render_template
from snnplug.runs.comparison_records import BESIDE
from snnplug.runs.reading import Records
from snnplug.runs.records import Epoch

__all__ = ["Train"]

_TITLES = {
    "train": "training",
    "search.supernet": "the supernet",
    "convert.train": "the converted network",
    "convert.control": "the network it was converted from",
}


class Train(Section):
    """The section of the stage train."""

    def stats(self, records: Records) -> list[Stat]:
        """Return nothing: how good the network is says its measurement."""
        return []

    def render(self, records: Records) -> Markup:
        """Return the learning curves."""
        return render_template("sections/train.html.j2", records, curves=_curves(records))


@attrs.frozen
class _Curves:
    """Learning curves of one stage."""

    title: str
    epochs: int
    loss: Markup | None
    accuracy: Markup | None
    validated: bool
    test: float | None
    peak: Epoch | None
    kept: Epoch
    told: str


def _curves(data: Records) -> list[_Curves]:
    """Return the pictures of each stage that has epochs."""
    from snnplug.report.figures.curves import accuracy_curve, loss_curve

    by_stage: dict[str, dict[int, Epoch]] = {}
    for epoch in data.epochs or ():
        if epoch.stage.startswith(BESIDE):  # a section of their own shows them
            continue
        by_stage.setdefault(epoch.stage, {})[epoch.epoch] = (
            epoch  # the last counts: a run may have been resumed
        )
    result = []
    accuracy = data.summary.accuracy if data.summary else None
    measured = _measured(data, list(by_stage))
    for i, (stage, numbered) in enumerate(by_stage.items()):
        epochs = [numbered[n] for n in sorted(numbered)]
        losses = any(e.loss is not None or e.val_loss is not None for e in epochs)
        accuracies = any(e.accuracy is not None or e.val_accuracy is not None for e in epochs)
        test = accuracy.test if accuracy is not None and stage == measured else None
        result.append(
            _Curves(
                title=_TITLES.get(stage, stage),
                epochs=len(epochs),
                loss=loss_curve(epochs, f"loss{i}") if losses else None,
                accuracy=accuracy_curve(epochs, test, f"accuracy{i}") if accuracies else None,
                validated=any(e.val_loss is not None or e.val_accuracy is not None for e in epochs),
                test=test,
                peak=_peak(epochs),
                kept=epochs[-1],
                told=_told(epochs),
            )
        )
    return result


def _told(epochs: Sequence[Epoch]) -> str:
    """Return what is to be said of the steps and of their speed; empty where nothing was counted."""
    last, said = epochs[-1], []
    if last.gradient_norm is not None:
        norm = words.number(last.gradient_norm, 3)
        said.append(f"The gradient of the last epoch has a mean norm of {norm}.")
    if speeds := sorted(e.samples_per_second for e in epochs if e.samples_per_second is not None):
        waited = [e.data_share for e in epochs if e.data_share is not None]
        share = words.percent(sum(waited) / len(waited)) if waited else words.ABSENT
        middle = words.number(speeds[len(speeds) // 2], 3)
        said.append(f"An epoch took {middle} samples a second, and waited for data {share} of the time.")
    skipped = [e.skipped_steps for e in epochs if e.skipped_steps is not None]
    if skipped:
        steps = f"{sum(skipped):,} step{'s were' if sum(skipped) != 1 else ' was'}"
        said.append(f"{steps} left out, as gradients overflowed 16 bits.")
    if last.memory is not None and last.kept_bytes:
        kept = f"{words.number(last.kept_bytes / 1e6, 3)} MB"
        said.append(f'For its backward pass a step keeps {kept} (memory = "{last.memory}").')
    said += [_course(epochs, name) for name in last.facts if "." in name]  # of callbacks
    return " ".join(said)


def _course(epochs: Sequence[Epoch], name: str) -> str:
    """Return where a number of a callback began and ended."""
    found = [value for epoch in epochs if (value := epoch.facts.get(name)) is not None]
    if len(found) < 2 or found[0] == found[-1]:
        return f"{name} is {words.number(found[-1] if found else None)}."
    return f"{name} went from {words.number(found[0])} to {words.number(found[-1])}."


def _peak(epochs: Sequence[Epoch]) -> Epoch | None:
    """Return the first epoch of the best validation accuracy, None where none is known."""
    known = [(e.val_accuracy, -e.epoch, e) for e in epochs if e.val_accuracy is not None]
    return max(known, key=lambda entry: entry[:2])[2] if known else None


def _measured(data: Records, stages: list[str]) -> str | None:
    """Return the stage whose training gave the network that was measured; None if no training did."""
    if data.summary is not None and data.summary.conversion is not None:
        return next((stage for stage in stages if stage == "convert.train"), None)
    return stages[-1] if stages else None
