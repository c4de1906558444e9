"""The score of a training's first epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from snnplug_proxies.trained import Trained

from snnplug import Candidate, Epoch
from snnplug.testing.candidates import tiny_candidate


def candidate(*accuracies: float | None) -> tuple[Candidate, list[Any]]:
    """A candidate whose validation accuracies are given; training accuracies are 0.1 an epoch."""
    asked: list[Any] = []

    def train(epochs: int, **more: Any) -> Sequence[Epoch]:
        asked.append((epochs, more))
        return [
            Epoch(epoch=i, loss=3.0 - i, accuracy=0.1 * i, val_accuracy=value)
            for i, value in enumerate(accuracies[:epochs], 1)
        ]

    return attrs.evolve(tiny_candidate(), train=train), asked


def test_the_score_is_a_mean_of_the_last_accuracies() -> None:
    one, asked = candidate(0.1, 0.2, 0.4, 0.9)
    score = Trained(epochs=3, last=2)(one)
    assert score.value == pytest.approx(0.3)
    assert score.parts == pytest.approx({"accuracy": 0.3, "loss": 0.0})
    assert asked == [(3, {"samples": 0, "space": {}})]
    assert Trained(epochs=1)(one).value == pytest.approx(0.1)  # fewer epochs than the mean is over


def test_the_score_may_be_the_training_loss() -> None:
    score = Trained(epochs=2, measure="loss")(candidate(0.1, 0.2)[0])
    assert score.value == -1.0 and score.parts["accuracy"] == pytest.approx(0.15)


def test_without_validation_data_training_accuracies_count() -> None:
    assert Trained(epochs=2)(candidate(None, None)[0]).value == pytest.approx(0.15)


def test_a_smaller_training_is_asked_for() -> None:
    one, asked = candidate(0.5)
    scorer = Trained(epochs=1, samples=100, space={"channels": 4})
    scorer(one)
    assert scorer.trains == 1 and asked == [(1, {"samples": 100, "space": {"channels": 4}})]


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"last": 0}, {"samples": -1}])
def test_wrong_parameters_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Trained(**wrong)
