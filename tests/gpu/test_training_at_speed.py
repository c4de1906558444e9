"""Samples that are finished on the GPU, read ahead and pinned; networks by torch.compile; callbacks there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from snnplug import run
from snnplug.engine.data import batches, order
from snnplug.nn import CropAndFlip, ImageSplit, seeded

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
PARTS = list(order(50, 1).split(8))


@pytest.mark.parametrize("workers", [0, 2])
def test_values_finished_on_the_gpu_are_those_of_the_cpu(workers: int) -> None:
    images = torch.arange(50 * 48, dtype=torch.uint8).view(50, 3, 4, 4)
    split = ImageSplit(images, torch.arange(50) % 5, CropAndFlip(1))
    found = []
    for device in (None, torch.device("cuda")):
        with seeded(3):
            values = [v for v, _ in batches(split, PARTS, seed=7, workers=workers, device=device)]
        assert values[0].device.type == ("cpu" if device is None else "cuda")
        found.append(torch.cat(values).cpu())
    if workers:  # there the augmentation draws in the process that reads, and here where it is finished
        assert found[0].shape == found[1].shape
    else:
        torch.testing.assert_close(found[1], found[0])


@pytest.mark.parametrize("train", [{}, {"compile": True}, {"memory": "compress"}, {"algorithm": "sltt"}])
def test_a_training_on_the_gpu_learns(train: dict[str, Any], tmp_path: Path) -> None:
    recipe: dict[str, Any] = {
        "dataset": {"use": "digits", "augment": [{"use": "crop", "pad": 1}]},
        "encoder": {"use": "direct", "steps": 2},
        "neuron": {"use": "lif"},
        "architecture": {"use": "vgg", "layers": [8, "M"], "hidden": [16]},
        "loss": {"use": "tet"},
        "train": {
            "epochs": 4,
            "batch_size": 64,
            "callbacks": [{"use": "gradual_pruning", "sparsity": 0.3}],
            **train,
        },
    }
    done = run(recipe, out=tmp_path / "run", device="cuda")
    assert done.summary["accuracy"]["test"] > 0.5
    assert done.metrics[-1].facts["gradual_pruning.sparsity"] == pytest.approx(0.3, abs=0.02)
