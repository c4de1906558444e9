"""The learning rate moves along its course by epochs or by batches."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import snnplug
from snnplug import Registry

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
