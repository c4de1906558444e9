"""The exponential moving average of weights is what its formula says, is validated, and is the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from snnplug import run
from snnplug.engine.steps import Steps

RECIPE: dict[str, Any] = {
    "dataset": {"use": "digits"},
    "encoder": {"use": "direct", "steps": 1},
    "neuron": {"use": "relu"},
    "architecture": {"use": "vgg", "layers": [4, "M"]},
    "loss": {"use": "sdt"},
    "train": {"epochs": 2, "batch_size": 256, "ema": 0.75, "optimizer": {"use": "adam", "lr": 1e-2}},
}


def test_the_result_is_the_average_of_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    step = Steps._step

    def watched(self: Any, *arguments: Any) -> None:
        step(self, *arguments)
        seen.append({name: value.double() for name, value in self.plain.state_dict().items()})

    monkeypatch.setattr(Steps, "_step", watched)
    done = run(RECIPE, out=tmp_path / "run")
    assert len(seen) == 2 * 5
    average = seen[0]
    for weights in seen[1:]:
        average = {name: 0.75 * value + 0.25 * weights[name] for name, value in average.items()}
    result = done.model().state_dict()
    assert any(name.endswith("running_var") for name in result)
    for name, value in result.items():
        if value.is_floating_point():
            torch.testing.assert_close(value.double(), average[name], rtol=1e-5, atol=1e-6)
            assert not torch.allclose(value.double(), seen[-1][name], rtol=1e-4)
    assert done.metrics[-1].val_accuracy == done.summary["accuracy"]["val"]


def test_the_best_average_is_kept(tmp_path: Path) -> None:
    train = {**RECIPE["train"], "keep": "best", "epochs": 3}
    done = run({**RECIPE, "train": train}, out=tmp_path / "run")
    best = max(epoch.val_accuracy or 0 for epoch in done.metrics)
    assert done.summary["accuracy"]["val"] == best
