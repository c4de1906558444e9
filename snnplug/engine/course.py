"""What a stage does around the batches and epochs of a training of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from snnplug.engine.evaluate import Evaluation, evaluate
from snnplug.engine.parts import Parts
from snnplug.runs.records import Epoch

__all__ = ["Course", "best_epoch"]


def best_epoch(history: Sequence[Epoch]) -> int:
    """Return the epoch, from 0, with the best validation (else training) accuracy, of equals the first."""
    return max(range(len(history)), key=lambda e: (history[e].judged, -e))


class Course:
    """The usual training: every batch with the whole network, judged by the validation data."""

    @contextmanager
    def epoch(self, fabric: Any, counted: Mapping[str, float]) -> Iterator[dict[str, float]]:
        """Be around the batches of an epoch, in every process.

        Args:
            fabric: of the run.
            counted: what `counted` has returned, where the epoch goes on from a checkpoint.

        Yields:
            Numbers by name for its line of metrics.jsonl, complete when the block ends.
        """
        yield {}

    def counted(self) -> dict[str, float]:
        """Return sums of the epoch so far, in this process, by name."""
        return {}

    def before_batch(self, epoch: int, step: int) -> None:
        """Begin a batch of a step of the optimizer, from 0; the same in every process of the run."""

    def more_loss(self, values: Tensor, outputs: Tensor, *purpose: object) -> Tensor | None:
        """Return what is added to the loss of a batch, a scalar; None for nothing.

        Args:
            values: of the batch, as the encoder gets them.
            outputs: of the network, `[T, B, K]`.
            purpose: what the randomness of the batch's encoder depends on.
        """
        return None

    def validate(self, parts: Parts, model: nn.Module, batch_size: int) -> Evaluation | None:
        """Return loss and accuracy on validation data, None where there is none."""
        return evaluate(parts, model, parts.splits.val, "val", batch_size)
