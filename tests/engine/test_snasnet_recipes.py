"""The built-in recipes for large data: published sizes at full width, and a run of each in small."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("snnplug_snasnet", reason="the recipes need the first plugins")

from snnplug import DatasetSpec, Registry, Splits, Task, run
from snnplug.engine.optimize import make_optimizer
from snnplug.engine.schedule import learning_rate_factor
from snnplug.nn import ImageSplit
from snnplug.recipe.built_in import built_in_recipes
from snnplug.recipe.plan import make_plan
from snnplug.recipe.read import read_recipe

NAMES = [name for name in built_in_recipes() if name.startswith("snasnet")]
REGISTRY = Registry.from_installed(quiet=True)
SIZES = {"snasnet_cifar10": (32, 10), "snasnet_tinyimagenet": (64, 200), "snasnet_search_cifar10": (32, 10)}


def task(name: str) -> Task:
    side, classes = SIZES.get(name, (32, 100))
    return Task(input_shape=(3, side, side), classes=classes, steps=5)


def noise(*, side: int = 32, classes: int = 10) -> Splits:
    """Images of noise, two for each of ten classes and part."""
    generator = torch.Generator().manual_seed(0)
    parts = [
        ImageSplit(torch.rand(20, 3, side, side, generator=generator), torch.arange(20) % classes)
        for _ in range(2)
    ]
    return Splits(
        task=Task(input_shape=(3, side, side), classes=classes), train=parts[0], val=None, test=parts[1]
    )


@pytest.mark.parametrize(
    ("name", "parameters", "lr", "epochs"),
    [
        ("snasnet_cifar10", 19_520_356, 0.2, 300),
        ("snasnet_cifar100", 20_624_500, 0.1, 300),
        ("snasnet_tinyimagenet", 74_540_648, 0.1, 200),
        ("snasnet_variant_cifar100", None, 0.1, 300),
    ],
)
def test_published_size_and_training(name: str, parameters: int | None, lr: float, epochs: int) -> None:
    plan = make_plan(read_recipe(name), REGISTRY)
    section = plan.recipe.train
    assert section is not None
    assert (section.epochs, section.batch_size) == (epochs, 64)
    optimizer = make_optimizer(torch.nn.Linear(2, 2), section)
    assert isinstance(optimizer, torch.optim.SGD)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"], group["dampening"]) == (lr, 0.9, 5e-4, 0)
    assert learning_rate_factor(section, 0) == 1
    middle, end = learning_rate_factor(section, epochs // 2), learning_rate_factor(section, epochs)
    assert (middle, end) == (pytest.approx((1 + 0.01) / 2), pytest.approx(0.01))
    if parameters is not None:
        with torch.device("meta"):
            network: Any = plan["architecture"].build(task(name))
        assert sum(p.numel() for p in network.parameters()) == parameters
        neuron = network.reduction.neuron
        assert (neuron.tau, neuron.threshold) == (pytest.approx(4 / 3), 1)


def test_searches_are_the_published_one() -> None:
    for name, channels, batch in (("snasnet_search_cifar10", 16, 64), ("snasnet_variant_cifar100", 128, 256)):
        plan = make_plan(read_recipe(name), REGISTRY)
        assert plan["search.space"].parameters["channels"] == channels
        assert plan["search.strategy"].parameters == {"draws": 5000}
        assert plan["search.scorer"].parameters == {"batch_size": batch, "repeats": 2}
    space = plan["search.space"].build(task("snasnet_variant_cifar100"))
    assert space.operations == ("zero", "identity", "conv3", "conv5", "avg_pool")
    assert space.skeleton.pooling == "max"


@pytest.mark.parametrize("name", NAMES)
def test_each_runs_in_small(name: str, tmp_path: Path) -> None:
    registry = Registry([*REGISTRY])
    registry.register(DatasetSpec(name="noise", target=noise, summary="Noise."))
    recipe = read_recipe(name)
    side, classes = SIZES.get(name, (32, 100))
    stage = "architecture" if recipe.architecture else "search.space"
    overrides = [
        "dataset.use=noise",
        f"dataset.side={side}",
        f"dataset.classes={classes}",
        f"{stage}.channels=2",
    ]
    overrides += [f"{stage}.hidden=8"]
    if recipe.search:
        overrides += ["search.strategy.draws=2", "search.scorer.batch_size=4"]
    if recipe.train:
        overrides += ["train.epochs=1", "measure.samples=2", "measure.batch_size=20"]
    done = run(name, out=tmp_path / "run", overrides=overrides, registry=registry, device="cpu")
    if recipe.search:
        assert math.isfinite(done.summary["search"]["score"])
    if recipe.train:
        assert 0 <= done.summary["accuracy"]["test"] <= 1
