"""What a stage does around the batches and epochs of a training of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from snnplug.engine.evaluate import Score, evaluate
from snnplug.engine.parts import Parts

__all__ = ["Course"]


class Course:
    """The usual training: every batch with the whole network, judged by the validation data."""

    def before_epoch(self, epoch: int) -> None:
        """Begin an epoch, from 0."""

    def before_batch(self, epoch: int, index: int) -> None:
        """Begin a batch, from 0; the same in every process of the run."""

    def after_epoch(self, fabric: Any) -> Mapping[str, float]:
        """Return numbers of the epoch by name, for its line of metrics.jsonl; called in every process."""
        return {}

    def validate(self, parts: Parts, model: nn.Module, batch_size: int) -> Score | None:
        """Return loss and accuracy on validation data, None where there is none."""
        return evaluate(parts, model, parts.splits.val, "val", batch_size)
