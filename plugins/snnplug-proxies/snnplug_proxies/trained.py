"""Training as a score: what the first epochs of the recipe's own training come to.

    score = mean of the last validation accuracies          measure = "accuracy"
            - training loss of the last epoch               measure = "loss"

The mean over some epochs tells more than the last value, and the training loss of a short training as much as
a validation accuracy of one twice as long (docs/scorers.md has figures). Ru et al., NeurIPS 2021, arXiv
2006.04492, use the training losses in this way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge

from snnplug import Candidate, Epoch, Score, check_ranges

__all__ = ["Trained"]


@check_ranges
class Trained:
    """The beginning of a candidate's training, as [train] says it; higher is better.

    A candidate that is scored for more epochs, at a higher rung, goes on where it stood, and so does the
    training of the run for what is found. Its parts are `accuracy`, the mean of the last validation
    accuracies (of training accuracies where nothing is held out), and `loss`, the training loss of the last
    epoch.

    Args:
        epochs: passes over the training data, the first of those of [train].
        measure: what the score is.
        last: number of the last epochs that the accuracy is a mean over.
        samples: of the training data, drawn once for all candidates; 0 for all. The training of the run does
            not go on from fewer.
        space: parameters of the search space in place of the recipe's, such as a smaller width; the training
            of the run does not go on from these either.

    Raises:
        ValueError: a parameter is out of range.
    """

    def __init__(
        self,
        *,
        epochs: Annotated[int, Ge(1)] = 2,
        measure: Literal["accuracy", "loss"] = "accuracy",
        last: Annotated[int, Ge(1)] = 5,
        samples: Annotated[int, Ge(0)] = 0,
        space: Mapping[str, Any] | None = None,
    ) -> None:
        self.trains, self.measure, self.last = epochs, measure, last
        self.samples, self.space = samples, dict(space or {})

    def __call__(self, candidate: Candidate) -> Score:
        """Return the score and what it is made of."""
        history = candidate.train(self.trains, samples=self.samples, space=self.space)
        accuracy, loss = _accuracy(history[-self.last :]), history[-1].loss
        parts = {"accuracy": accuracy, "loss": loss}
        return Score(accuracy if self.measure == "accuracy" else -loss, parts)


def _accuracy(history: Sequence[Epoch]) -> float:
    held_out = [epoch.val_accuracy for epoch in history if epoch.val_accuracy is not None]
    found = held_out or [epoch.accuracy for epoch in history]
    return sum(found) / len(found)
