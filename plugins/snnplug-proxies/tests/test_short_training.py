"""The score of a short training against a training written by hand."""

from __future__ import annotations

import attrs
import pytest
import torch
import torch.nn.functional as F
from snnplug_proxies.short_training import ShortTraining

from snnplug import Candidate, derive_seed
from snnplug.nn import seeded
from snnplug.testing.candidates import tiny_candidate


def data(index: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images whose class is told by their mean."""
    generator = torch.Generator().manual_seed(index)
    target = torch.randint(2, (size,), generator=generator)
    images = torch.rand(size, 1, 8, 8, generator=generator) * 0.3 + 0.6 * target[:, None, None, None]
    return images.expand(4, *images.shape), target


@pytest.fixture
def candidate() -> Candidate:
    return attrs.evolve(
        tiny_candidate(),
        batch=data,
        held_out=lambda index, size: data(99 + index, size),
        held_out_samples=300,
    )


def test_equals_a_training_written_by_hand(candidate: Candidate) -> None:
    model = candidate.build().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    with seeded(derive_seed(candidate.seed, "short training")):
        for step in range(3):
            x, target = data(step, 16)
            optimizer.zero_grad()
            F.cross_entropy(candidate.readout(model(x)), target).backward()
            optimizer.step()
    model.eval()
    parts = [data(99, 256), data(100, 256)]
    x = torch.cat([parts[0][0], parts[1][0][:, :44]], 1)
    target = torch.cat([parts[0][1], parts[1][1][:44]])
    with torch.no_grad():
        scores = candidate.readout(model(x))
    score = ShortTraining(steps=3, batch_size=16, lr=0.01, weight_decay=0.1)(candidate)
    assert score.value == pytest.approx(-float(F.cross_entropy(scores, target)), rel=1e-5)
    assert score.parts == {"accuracy": pytest.approx(float((scores.argmax(1) == target).float().mean()))}


def test_longer_training_scores_higher(candidate: Candidate) -> None:
    short, long = (ShortTraining(steps=steps, batch_size=32)(candidate) for steps in (1, 40))
    assert long.value > short.value
    assert long.parts["accuracy"] > 0.9


def test_only_so_many_held_out_samples_are_judged(candidate: Candidate) -> None:
    asked: list[tuple[int, int]] = []

    def held_out(index: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        asked.append((index, size))
        return data(99 + index, size)

    ShortTraining(steps=1, held_out=40)(attrs.evolve(candidate, held_out=held_out))
    assert asked == [(0, 40)]


def test_without_validation_data_the_last_batches_count(candidate: Candidate) -> None:
    score = ShortTraining(steps=40, batch_size=32)(attrs.evolve(candidate, held_out_samples=0))
    assert score.parts["accuracy"] > 0.9
    assert -1 < score.value < 0


@pytest.mark.parametrize(
    "given", [{"steps": 0}, {"batch_size": 0}, {"lr": 0.0}, {"lr": float("nan")}, {"held_out": -1}]
)
def test_values_out_of_range_are_named(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        ShortTraining(**given)  # type: ignore[arg-type]
