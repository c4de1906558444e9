"""The learning rate moves along its course by epochs or by batches."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

import snnplug
from snnplug import Registry
from snnplug.engine.schedule import learning_rate_factor
from snnplug.engine.train_section import TrainSection
from snnplug.runs.records import Epoch

RECIPE: dict[str, Any] = {
    "dataset": {"use": "digits"},
    "encoder": {"use": "snnplug-encoders:direct", "steps": 1},
    "neuron": {"use": "relu"},
    "architecture": {"use": "vgg", "layers": [2, "M"]},
    "loss": {"use": "sdt"},
}


def rates(tmp_path: Path, **train: Any) -> list[float | None]:
    optimizer = {"use": "sgd", "lr": 0.1}
    recipe = {**RECIPE, "train": {"epochs": 2, "batch_size": 64, "optimizer": optimizer, **train}}
    run = snnplug.run(recipe, out=tmp_path / str(len(train)), registry=Registry.from_installed(quiet=True))
    return [epoch.lr for epoch in run.metrics]


def test_by_batches_the_cosine_goes_on_within_an_epoch(tmp_path: Path) -> None:
    assert rates(tmp_path) == pytest.approx([0.1, 0.05])
    found = rates(tmp_path, schedule_by="batch")
    batches = math.ceil(1258 / 64)  # of an epoch; the last rate is that of its last batch
    done = [(epoch + (batches - 1) / batches) / 2 for epoch in (0, 1)]
    assert found == pytest.approx([0.1 * (1 + math.cos(math.pi * part)) / 2 for part in done])


def test_warm_up_rises_within_an_epoch(tmp_path: Path) -> None:
    found = rates(tmp_path, schedule_by="batch", warmup_epochs=2)
    batches = math.ceil(1258 / 64)
    assert found == pytest.approx([0.1 * (epoch + 1 + (batches - 1) / batches) / 3 for epoch in (0, 1)])


def factors(epochs: int = 12, **train: Any) -> list[float]:
    section = TrainSection(epochs=epochs, **train)
    return [learning_rate_factor(section, epoch) for epoch in range(epochs)]


def test_steps_come_at_fractions_at_epochs_or_again_and_again() -> None:
    by_fractions = factors(schedule="step", milestones=(0.5, 0.75), gamma=0.5)
    assert by_fractions == [1.0] * 6 + [0.5] * 3 + [0.25] * 3
    assert factors(schedule="step", milestones=(6, 9), gamma=0.5) == by_fractions
    assert factors(schedule="step", period=5, gamma=0.5) == [1.0] * 5 + [0.5] * 5 + [0.25] * 2
    assert factors(schedule="step", period=5, gamma=0.5, final_lr=0.4)[-1] == 0.4


def test_a_cosine_with_a_period_goes_down_and_up_again_as_torch_has_it() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4, eta_min=0.1)
    wanted = []
    for _ in range(12):
        wanted.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    assert factors(schedule="cosine", period=4, final_lr=0.1) == pytest.approx(wanted)


def test_a_polynomial_falls_to_its_end_as_torch_has_it() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=12, power=2.0)
    wanted = []
    for _ in range(12):
        wanted.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    assert factors(schedule="poly", power=2.0) == pytest.approx(wanted)


def test_a_plateau_lowers_the_rate_where_nothing_is_gained() -> None:
    section = TrainSection(schedule="plateau", patience=2, gamma=0.5, epochs=9)
    accuracies = [0.1, 0.3, 0.2, 0.3, 0.4, 0.4, 0.4, 0.4, 0.4]
    history = [Epoch(epoch=i + 1, val_accuracy=a) for i, a in enumerate(accuracies)]
    found = [learning_rate_factor(section, done, history[:done]) for done in range(10)]
    assert found == [1.0] * 4 + [0.5] * 3 + [0.25] * 2 + [0.125]


def test_min_lr_is_the_end_of_the_cosine(tmp_path: Path) -> None:
    found = rates(tmp_path, schedule_by="batch", min_lr=0.02)
    batches = math.ceil(1258 / 64)
    done = (1 + (batches - 1) / batches) / 2
    assert found[-1] == pytest.approx(0.02 + 0.08 * (1 + math.cos(math.pi * done)) / 2)
