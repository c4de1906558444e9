"""Under 16 bits a step whose gradients overflow is left out and counted; one that lasts ends the run."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from toys import ToyLoss

from snnplug import LossSpec, Registry, resume, run
from snnplug.engine import training
from snnplug.engine.steps import Steps
from snnplug.errors import ComponentError, NonFiniteLoss


class Infinite(ToyLoss):
    """Infinite for the batches whose numbers are given."""

    seen = 0

    def __init__(self, *, at: tuple[int, ...] = (), always: bool = False) -> None:
        super().__init__()
        self.at, self.always = at, always

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        loss = super().forward(outputs, target)
        if outputs.requires_grad:
            Infinite.seen += 1
            if self.always or Infinite.seen in self.at:
                return loss * torch.inf
        return loss


@pytest.fixture
def half(monkeypatch: pytest.MonkeyPatch, toy_recipe: dict[str, Any], toy_registry: Registry) -> Any:
    """Return a function that runs the toys in 16 bits with a gradient scaler, which the CPU has too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as where the engine imports it
        from lightning_fabric.plugins import MixedPrecision

    def use_precision(fabric: Any, precision: str) -> Any:
        assert precision == "bf16-mixed"
        fabric.strategy.precision = MixedPrecision("16-mixed", "cpu")
        return fabric.strategy.precision

    monkeypatch.setattr(training, "use_precision", use_precision)
    toy_registry.register(LossSpec(name="infinite", target=Infinite, summary="Infinite at times."))
    plain = {name: table for name, table in toy_recipe.items() if name != "search"}
    train = {**toy_recipe["train"], "precision": "bf16-mixed"}

    def go(out: Path, loss: dict[str, Any], **more: Any) -> Any:
        Infinite.seen = 0
        recipe = {**plain, "architecture": {"use": "toy"}, "loss": loss, "train": {**train, **more}}
        return run(recipe, out=out, registry=toy_registry)

    return go


def test_overflowing_steps_are_skipped_and_counted(half: Any, tmp_path: Path) -> None:
    usual = half(tmp_path / "usual", {"use": "infinite"})
    skipped = [epoch.skipped_steps for epoch in usual.metrics]
    assert skipped[1:] == [0, 0, 0]  # a scale of 65536 may be too much at first
    done = half(tmp_path / "done", {"use": "infinite", "at": [6, 7]})
    assert [epoch.skipped_steps for epoch in done.metrics] == [skipped[0], 2, 0, 0]
    for epoch in done.metrics:
        assert 0 < epoch.loss < 2
        assert 0 < epoch.gradient_norm < 10
    lines = [json.loads(line) for line in (tmp_path / "done" / "metrics.jsonl").read_text().splitlines()]
    assert [line["skipped_steps"] for line in lines] == [skipped[0], 2, 0, 0]
    assert f"{2 + skipped[0]} steps were left out" in (tmp_path / "done" / "report.html").read_text()


def test_a_loss_that_stays_infinite_ends_the_training(half: Any, tmp_path: Path) -> None:
    with pytest.raises(NonFiniteLoss, match="in epoch 1, batch 4"):
        half(tmp_path / "few", {"use": "infinite", "always": True})
    with pytest.raises(NonFiniteLoss, match="in epoch 1, batch 30"):
        half(tmp_path / "many", {"use": "infinite", "always": True}, batch_size=1)


def test_statistics_survive_an_overflow(tmp_path: Path) -> None:
    from snnplug.engine.overflows import Overflows

    model = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1))
    optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu", 8.0)
    overflows = Overflows(scaler, model)
    for values, skipped in (([1.0, 2.0], False), ([1.0, torch.inf], True), ([1.0, 3.0], False)):
        overflows.before_step()
        before = model[0].running_mean.clone()
        optimizer.zero_grad()
        scaler.scale(model(torch.tensor(values)[:, None].expand(2, 2)).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        assert overflows.after_step() is skipped
        assert torch.equal(model[0].running_mean, before) is skipped
        assert torch.isfinite(model[0].running_var).all()


def test_a_run_in_16_bits_goes_on_with_its_scale(half: Any, tmp_path: Path, toy_registry: Registry) -> None:
    whole = half(tmp_path / "whole", {"use": "infinite", "at": [6]})
    step = Steps._step

    def stop(self: Any, *arguments: Any) -> None:
        if Infinite.seen == 11:  # the third batch of the third epoch
            raise KeyboardInterrupt
        step(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Steps, "_step", stop)
        with pytest.raises(ComponentError, match="KeyboardInterrupt"):  # of the file that has the loss
            half(tmp_path / "broken", {"use": "infinite", "at": [6]}, checkpoint_minutes=1e-9)
    assert (tmp_path / "broken" / "checkpoint.part.pt").exists()
    Infinite.seen = 100
    again = resume(tmp_path / "broken", registry=toy_registry)
    assert not (tmp_path / "broken" / "checkpoint.part.pt").exists()
    assert [epoch.loss for epoch in again.metrics] == [epoch.loss for epoch in whole.metrics]
    for name, value in whole.model().state_dict().items():
        assert torch.equal(again.model().state_dict()[name], value)
