"""The keys of `[train]` in `[search.supernet]`: precision, the weights that are kept, the early end."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import inheriting
import pytest
import torch
import toys

import snnplug
from snnplug import Registry
from snnplug.engine.parts import make_parts
from snnplug.engine.supernet import Paths, Shared
from snnplug.engine.training import _Trainer
from snnplug.errors import DeviceError
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe

CHECKPOINT = "checkpoint-search.supernet.pt"


@pytest.fixture
def registry() -> Registry:
    return inheriting.registry()


@pytest.fixture
def recipe() -> dict[str, Any]:
    return copy.deepcopy(inheriting.RECIPE)


@pytest.mark.parametrize(("supernet", "train"), [("bf16-mixed", "32-true"), ("32-true", "bf16-mixed")])
def test_each_stage_computes_in_its_own_precision(
    supernet: str,
    train: str,
    recipe: Any,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[tuple[str, bool]] = []
    stage, step, epoch = [""], toys.ToyNeuron.step, _Trainer._epoch

    def watched_epoch(self: Any, *arguments: Any) -> Any:
        stage[0] = self.stage
        try:
            return epoch(self, *arguments)
        finally:
            stage[0] = ""

    def watched_step(self: Any, x: Any, state: Any) -> Any:
        found.append((stage[0], torch.is_autocast_enabled("cpu")))
        return step(self, x, state)

    monkeypatch.setattr(_Trainer, "_epoch", watched_epoch)
    monkeypatch.setattr(toys.ToyNeuron, "step", watched_step)
    recipe["search"]["supernet"]["precision"] = supernet
    recipe["train"]["precision"] = train
    snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    mixed = {"search.supernet": supernet == "bf16-mixed", "train": train == "bf16-mixed", "": False}
    assert set(found) == set(mixed.items())


def test_half_precision_on_a_cpu_is_refused_by_its_key(
    recipe: Any, registry: Registry, tmp_path: Path
) -> None:
    recipe["search"]["supernet"]["precision"] = "16-mixed"
    with pytest.raises(DeviceError, match=r"^search.supernet.precision 16-mixed needs a GPU"):
        snnplug.run(recipe, out=tmp_path / "run", registry=registry, device="cpu")


def test_mixed_precision_is_finite_and_resumed_equal(
    recipe: Any, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe["search"]["supernet"]["precision"] = "bf16-mixed"
    whole = snnplug.run(recipe, out=tmp_path / "whole", registry=registry)
    assert all(map(math.isfinite, (trial.score for trial in whole.trials)))
    assert all(math.isfinite(epoch.loss) for epoch in whole.metrics)
    original = Paths.before_batch

    def stop(self: Any, epoch: int, index: int) -> None:
        if (epoch, index) == (1, 2):
            raise KeyboardInterrupt
        original(self, epoch, index)

    with monkeypatch.context() as patch:
        patch.setattr(Paths, "before_batch", stop)
        with pytest.raises(KeyboardInterrupt):
            snnplug.run(recipe, out=tmp_path / "stopped", registry=inheriting.registry())
    snnplug.resume(tmp_path / "stopped", registry=registry)
    one, other = (
        torch.load(tmp_path / name / CHECKPOINT, weights_only=True)["model"] for name in ("whole", "stopped")
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    again = snnplug.load(tmp_path / "stopped", registry=registry)
    assert [(t.key, t.score) for t in again.trials] == [(t.key, t.score) for t in whole.trials]


def test_the_best_by_the_mean_of_the_paths_is_kept(recipe: Any, registry: Registry, tmp_path: Path) -> None:
    settings = recipe["search"]["supernet"]
    settings.update(keep="best", epochs=5, schedule="constant", optimizer={"use": "adam", "lr": 3.0})
    done = snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    epochs = [epoch for epoch in done.metrics if epoch.stage == "search.supernet"]
    best = max(epochs, key=lambda epoch: epoch.val_accuracy)
    assert best.val_accuracy > epochs[-1].val_accuracy  # else this shows nothing
    record = done.summary["supernet"]
    assert record["accuracy"] == best.val_accuracy
    assert record["facts"] == dict(best.facts) != dict(epochs[-1].facts)
    parts = make_parts(make_plan(Recipe.from_dict(recipe), registry), torch.device("cpu"))
    supernet = Shared(tmp_path / "run", CHECKPOINT).load(parts)
    judged = Paths(parts, supernet, 3).validate(parts, supernet, 8)
    assert judged is not None
    assert judged.accuracy == best.val_accuracy
    recipe["search"]["supernet"]["from"] = str(tmp_path / "run")
    taken = snnplug.run(recipe, out=tmp_path / "taken", registry=registry).summary["supernet"]
    assert (taken["accuracy"], taken["facts"]) == (record["accuracy"], record["facts"])


def test_it_ends_early_where_the_paths_get_no_better(recipe: Any, registry: Registry, tmp_path: Path) -> None:
    recipe["search"]["supernet"].update(early_stop=2, epochs=9, optimizer={"use": "sgd", "lr": 1e-12})
    done = snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    assert done.summary["supernet"]["epochs"] == 3
    recipe["search"]["supernet"]["from"] = str(tmp_path / "run")  # it is finished
    assert snnplug.run(recipe, out=tmp_path / "taken", registry=registry).summary["supernet"]["epochs"] == 3
