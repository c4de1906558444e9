"""A supernet on a GPU: trained, inherited from, scored by workers and resumed as on a CPU."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import snnplug
from snnplug import Registry
from snnplug.engine.parts import make_parts
from snnplug.engine.supernet import Paths, Shared, shared_network
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

CHECKPOINTS = ("checkpoint-search.supernet.pt", "checkpoint.pt")
RECIPE: dict[str, Any] = {
    "name": "supernet-gpu",
    "dataset": {"use": "digits"},
    "encoder": {"use": "direct", "steps": 2},
    "neuron": {"use": "plif"},
    "loss": {"use": "rate_ce"},
    "search": {
        "space": {"use": "autosnn", "channels": 8, "macro": [8, "m", 16]},
        "strategy": {"use": "spike_aware_evolution", "draws": 20, "pool": 10, "mutants": 5, "children": 5},
        "scorer": {"use": "spike_aware_fitness"},
        "baselines": False,
        "supernet": {"epochs": 3, "paths": 3, "optimizer": {"use": "adam", "lr": 0.02}},
    },
    "train": {"epochs": 2, "optimizer": {"use": "adam", "lr": 0.02}},
}


def recipe_of(precision: str = "32-true", workers: int = 1) -> dict[str, Any]:
    recipe = copy.deepcopy(RECIPE)
    recipe["search"]["workers"] = workers
    recipe["search"]["supernet"]["precision"] = recipe["train"]["precision"] = precision
    return recipe


@pytest.fixture(scope="module")
def whole(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was not broken."""
    out = tmp_path_factory.mktemp("supernet") / "whole"
    snnplug.run(recipe_of(), out=out, registry=registry, device="cuda")
    return out


def scores(directory: Path) -> list[Any]:
    trials = json.loads((directory / "trials.json").read_text())
    return [(trial["key"], trial["score"], trial["parts"]) for trial in trials]


def weights(directory: Path, name: str) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(directory / name, weights_only=True, map_location="cpu")
    return found["model"]  # type: ignore[return-value]


def test_it_finishes(whole: Path) -> None:
    summary = snnplug.load(whole).summary
    assert summary["stages"][:3] == ["search.supernet", "search", "train"]
    assert summary["device"] == torch.cuda.get_device_name()
    assert all(score is not None for _, score, _ in scores(whole))


def test_an_inherited_network_gives_the_outputs_of_the_supernet(whole: Path, registry: Registry) -> None:
    parts = make_parts(make_plan(Recipe.from_dict(RECIPE), registry), torch.device("cuda"))
    supernet: Any = Shared(whole, CHECKPOINTS[0]).load(parts)
    val: Any = parts.splits.val
    values, _ = val.batch(torch.arange(64))
    x = parts.encode(values, "test")
    for genotype in Paths(parts, supernet, 4).sample:
        supernet.select(genotype)
        with torch.no_grad():
            alone = shared_network(parts, supernet, genotype, "key")(x)
            assert torch.equal(alone, supernet(x))
        assert alone.is_cuda


def test_two_workers_score_as_one(whole: Path, registry: Registry, tmp_path: Path) -> None:
    recipe = recipe_of(workers=2)
    del recipe["train"]
    recipe["search"]["supernet"]["from"] = str(whole)
    snnplug.run(recipe, out=tmp_path / "two", registry=registry, device="cuda")
    assert scores(tmp_path / "two") == scores(whole)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_resumed_it_comes_to_the_same(
    precision: str, whole: Path, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken, original = whole, Paths.before_batch
    if precision != "32-true":
        unbroken = tmp_path / "whole"
        snnplug.run(recipe_of(precision), out=unbroken, registry=registry, device="cuda")

    def stop(self: Any, epoch: int, index: int) -> None:
        if (epoch, index) == (1, 5):
            raise KeyboardInterrupt
        original(self, epoch, index)

    with monkeypatch.context() as patch:
        patch.setattr(Paths, "before_batch", stop)
        with pytest.raises(KeyboardInterrupt):
            snnplug.run(recipe_of(precision), out=tmp_path / "stopped", registry=registry, device="cuda")
    snnplug.resume(tmp_path / "stopped", registry=registry, device="cuda")
    assert scores(tmp_path / "stopped") == scores(unbroken)
    for name in CHECKPOINTS:
        one, other = weights(unbroken, name), weights(tmp_path / "stopped", name)
        assert all(torch.equal(one[key], other[key]) for key in one)
