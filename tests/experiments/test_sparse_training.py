"""The sparse loss in a whole run: fewer spikes, at hardly any cost in accuracy."""

from __future__ import annotations

from pathlib import Path

import pytest

import snnplug

pytest.importorskip("sklearn")
pytestmark = pytest.mark.slow


def run(out: Path, weight: float) -> dict:
    recipe = {
        "seed": 0,
        "dataset": {"use": "digits"},
        "encoder": {"use": "direct", "steps": 4},
        "neuron": {"use": "lif"},
        "architecture": {"use": "vgg", "layers": [8, "M", 16, "M"]},
        "loss": {"use": "sparse", "base": {"use": "tet"}, "weight": weight, "target": 0.02},
        "train": {
            "epochs": 3,
            "batch_size": 32,
            "optimizer": {"use": "adamw", "lr": 1e-2},
            "decay": "layers",
        },
    }
    return snnplug.run(snnplug.Recipe.from_dict(recipe), out=out).summary


def test_fewer_spikes(tmp_path: Path) -> None:
    free, sparse = (run(tmp_path / str(weight), weight) for weight in (0.0, 5.0))
    assert sparse["spikes_per_sample"] < 0.7 * free["spikes_per_sample"]
    assert sparse["accuracy"]["test"] > free["accuracy"]["test"] - 0.05
