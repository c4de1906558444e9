"""Tuning with the ANN as a teacher: what is added to the loss, and that it may be stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import snnplug
from snnplug import Registry
from snnplug.engine import training
from snnplug.engine.distillation import Distillation
from snnplug.engine.stage import Restored
from snnplug.errors import UsageError

RECIPE: dict[str, Any] = {
    "dataset": {"use": "digits"},
    "encoder": {"use": "snnplug-encoders:direct", "steps": 1},
    "neuron": {"use": "relu"},
    "architecture": {"use": "vgg", "layers": [4, "M"]},
    "loss": {"use": "sdt"},
    "train": {"epochs": 2, "batch_size": 128, "optimizer": {"use": "adam", "lr": 1e-2}},
    "convert": {
        "neuron": {"use": "snnplug-sc-ttfs:sc_ttfs", "slots": 2},
        "samples": 128,
        "train": {"epochs": 2, "batch_size": 256, "distill": 2.0},
        "compare": {"samples": 0},
    },
}


class Says(nn.Module):
    """Says the same to every input."""

    def __init__(self, *scores: float) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.tensor(scores))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scores.expand(1, x.shape[1], -1)


class Parts:
    """Scores are the mean over time; the encoder adds a time axis."""

    calls: Any

    def __init__(self) -> None:
        self.calls = self

    def encode(self, values: torch.Tensor, *purpose: object) -> torch.Tensor:
        assert purpose == ("convert.train", 3, 5, 0)
        return values.unsqueeze(0)

    def network(self, model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = model(x)
        return outputs

    def readout(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.mean(0)


def run(tmp_path: Path, weight: float) -> Any:
    recipe = {**RECIPE, "convert": {**RECIPE["convert"], "train": {"epochs": 2, "distill": weight}}}
    return snnplug.run(recipe, out=tmp_path / str(weight), registry=Registry.from_installed(quiet=True))


def test_the_divergence_from_what_the_teacher_says_is_added() -> None:
    parts: Any = Parts()
    teacher, student = Says(0.0, 1.0, 2.0), Says(1.0, 1.0, 0.5)
    course = Distillation(student, parts, Restored(parts, teacher), weight=3.0)
    values = torch.rand(4, 1, 2, 2)
    found = course.more_loss(values, student(values.unsqueeze(0)), "convert.train", 3, 5, 0)
    p, q = teacher.scores.detach().softmax(0), student.scores.softmax(0)
    torch.testing.assert_close(found, 3 * (p * (p / q).log()).sum())
    found.backward()
    assert teacher.scores.grad is None
    torch.testing.assert_close(student.scores.grad, 3 * (q - p).detach())


def test_network_and_control_hear_the_teacher_and_the_training_before_does_not(tmp_path: Path) -> None:
    losses = {}
    for weight in (0.0, 5.0):
        done = run(tmp_path, weight)
        losses[weight] = {(e.stage, e.epoch): e.loss for e in done.metrics}
    ann = ("train", 2)
    assert losses[0.0][ann] == losses[5.0][ann]
    for stage in ("convert.train", "convert.control"):
        assert losses[5.0][stage, 1] > losses[0.0][stage, 1]
        assert losses[5.0][stage, 2] != losses[0.0][stage, 2]


@pytest.mark.parametrize("stage", ["convert.train", "convert.control"])
def test_stopped_and_resumed_equals_unbroken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    registry = Registry.from_installed(quiet=True)
    whole = snnplug.run(RECIPE, out=tmp_path / "whole", registry=registry)
    original = training._Trainer._epoch

    def stops(self: Any, epoch: int, bar: Any) -> Any:
        if (self.stage, epoch) == (stage, 1):
            raise KeyboardInterrupt
        return original(self, epoch, bar)

    with monkeypatch.context() as patch:
        patch.setattr(training._Trainer, "_epoch", stops)
        with pytest.raises(KeyboardInterrupt):
            snnplug.run(RECIPE, out=tmp_path / "run", registry=registry)
    again = snnplug.resume(tmp_path / "run", registry=registry)
    assert again.summary["conversion"] == whole.summary["conversion"]
    for name, value in whole.model().state_dict().items():
        assert torch.equal(again.model().state_dict()[name], value), name


def test_a_weight_below_0_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"convert.train.distill: must be >= 0"):
        run(tmp_path, -1.0)
