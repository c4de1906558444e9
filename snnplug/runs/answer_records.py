"""`answers.json`: what the measured network says of every test sample."""

from __future__ import annotations

import attrs

from snnplug.runs.schema import SCHEMA

__all__ = ["AnswerRecord"]


@attrs.frozen(kw_only=True)
class AnswerRecord:
    """Labels and answers, one a test sample in order, as indices of classes.

    `by_step` are accuracies of the readout of the steps up to each; none where a window is computed at once.
    """

    schema: int = SCHEMA
    labels: tuple[int, ...] = ()
    said: tuple[int, ...] = ()
    by_step: tuple[float, ...] = ()

    def confusion(self) -> list[list[int]]:
        """Return how many samples of each class (rows) were taken for each class (columns)."""
        classes = max((*self.labels, *self.said), default=-1) + 1
        table = [[0] * classes for _ in range(classes)]
        for label, said in zip(self.labels, self.said, strict=True):
            table[label][said] += 1
        return table
