"""The contract of callbacks, the divergence worked by hand, and what a teacher is refused for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from snnplug_distillation.teacher import Teacher

import snnplug
from snnplug.errors import SnnplugError
from snnplug.nn import Batch
from snnplug.testing import CallbackConformance, PluginConformance
from snnplug.testing.callback import TinyTraining

RECIPE: dict[str, Any] = {
    "dataset": {"use": "snnplug-datasets:digits"},
    "encoder": {"use": "snnplug-encoders:direct", "steps": 1},
    "neuron": {"use": "snnplug-lif:lif"},
    "architecture": {"use": "snnplug-models:dense", "hidden": [4]},
    "loss": {"use": "snnplug-tet:sdt"},
    "train": {"epochs": 1, "batch_size": 512},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("teacher") / "run"
    snnplug.run(RECIPE, out=out, device="cpu")
    return str(out)


class TestPlugin(PluginConformance):
    name = "snnplug-distillation"


class TestTeacher(CallbackConformance):
    name = "snnplug-distillation:teacher"

    @pytest.fixture
    def component(self, installed_registry: Any, run: str, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setattr(Teacher, "on_train_start", with_three_classes)
        return installed_registry.use("callback", self.name, run=run)


def with_three_classes(self: Any, training: Any) -> None:
    """Let the teacher tell the three classes of the tests' network apart."""
    teacher: Any = self.run.predictor("cpu")

    class Three:
        parts, encode = teacher.parts, staticmethod(teacher.encode)

        @staticmethod
        def model(inputs: torch.Tensor) -> torch.Tensor:
            outputs: torch.Tensor = teacher.model(inputs)[..., :3]
            return outputs

    self.teacher = Three()


def batch_of_ten(outputs: torch.Tensor) -> Batch:
    values = torch.rand(len(outputs[0]), 1, 8, 8)
    return Batch(values, torch.arange(len(values)), values.unsqueeze(0), outputs)


def test_the_divergence_is_that_of_the_paper(run: str) -> None:
    teacher = Teacher(run=run, weight=0.5, temperature=3.0)
    view = TinyTraining(TestTeacher().network(), teacher, 1).view
    teacher.on_train_start(view)
    outputs = torch.randn(2, 5, 10, requires_grad=True)
    batch = batch_of_ten(outputs)
    found = teacher.more_loss(view, batch)
    p = (teacher.run.readout(teacher.run.model()(teacher.run.encode(batch.values))) / 3).softmax(1)
    q = (outputs.mean(0) / 3).softmax(1)
    assert found.item() == pytest.approx(0.5 * 9 * (p * (p / q).log()).sum(1).mean().item(), rel=1e-5)
    assert teacher.on_train_epoch_end(view)["divergence"] == pytest.approx(found.item() / 4.5)


def test_a_network_that_says_the_same_is_at_no_distance(run: str) -> None:
    teacher = Teacher(run=run)
    view = TinyTraining(TestTeacher().network(), teacher, 1).view
    teacher.on_train_start(view)
    batch = batch_of_ten(torch.zeros(1, 5, 10))
    same = teacher.run.model()(teacher.run.encode(batch.values)).detach()
    assert teacher.more_loss(view, batch._replace(outputs=same)).item() == pytest.approx(0, abs=1e-7)


def test_other_classes_and_missing_runs_are_refused(run: str, tmp_path: Path) -> None:
    teacher = Teacher(run=run)
    view = TinyTraining(TestTeacher().network(), teacher, 1).view
    teacher.on_train_start(view)
    with pytest.raises(ValueError, match="tells 10 classes apart, this network 3"):
        teacher.more_loss(view, batch_of_ten(torch.zeros(1, 5, 3)))
    with pytest.raises(SnnplugError, match=r"nowhere"):
        Teacher(run=str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="weight"):
        Teacher(run=run, weight=0.0)


def test_a_run_learns_from_another(run: str, tmp_path: Path) -> None:
    taught = {**RECIPE, "encoder": {"use": "direct", "steps": 2}}
    taught["train"] = {"epochs": 2, "batch_size": 512, "callbacks": [{"use": "teacher", "run": run}]}
    done = snnplug.run(taught, out=tmp_path / "run", device="cpu")
    first, last = (epoch.facts["teacher.divergence"] for epoch in done.metrics)
    assert 0 < last < first
