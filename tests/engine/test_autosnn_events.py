"""AutoSNN searched on event frames, end to end: supernet, evolution by fitness, training, report."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

pytest.importorskip("snnplug_autosnn", reason="the recipe needs the first plugins")

from snnplug import DatasetSpec, Registry, Splits, Task, run
from snnplug.nn import ImageSplit

REGISTRY = Registry.from_installed(quiet=True)


def drops(*, size: int = 16, steps: int = 4) -> Splits:
    """Events on the left or the right half of a camera, in the first or the second half of the time."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(48) % 4
    rates = torch.full((48, steps, 2, size, size), 0.02)
    for rate, label in zip(rates, labels.tolist(), strict=True):
        rows = slice(0, size // 2) if label % 2 else slice(size // 2, size)
        when = slice(0, steps // 2) if label // 2 else slice(steps // 2, steps)
        rate[when, :, :, rows] = 0.5
    frames = torch.poisson(rates, generator=generator)
    part = ImageSplit(frames, labels)
    task = Task(input_shape=(2, size, size), classes=4, events=True, steps=steps, values="counts")
    return Splits(task=task, train=part, val=part, test=part)


@pytest.mark.parametrize(("size", "steps"), [(16, 4), (128, 2)])
def test_a_search_on_event_frames(tmp_path: Path, size: int, steps: int) -> None:
    registry = Registry([*REGISTRY])
    registry.register(DatasetSpec(name="drops", target=drops, summary="Made events."))
    overrides = [
        "dataset.use=drops",
        f"dataset.size={size}",
        f"dataset.steps={steps}",
        f"encoder.steps={steps}",
    ]
    overrides += ["search.space.channels=2", "search.strategy.draws=3", "search.supernet.epochs=1"]
    overrides += ["search.supernet.paths=1", "train.epochs=1", "measure.samples=4"]
    done = run("autosnn_digits", out=tmp_path / "run", overrides=overrides, registry=registry, device="cpu")
    assert done.summary["search"]["evaluated"] >= 1
    assert math.isfinite(done.summary["search"]["score"])
    assert 0 <= done.summary["accuracy"]["test"] <= 1
    assert done.summary["synaptic_operations"] > 0
    assert done.summary["macs"] == 0  # counts are events, and pools take the largest
