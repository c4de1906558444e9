"""The built-in recipes of AutoSNN: what was published, and a run of each in small."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("snnplug_autosnn", reason="the recipes need the first plugins")

from snnplug import DatasetSpec, Registry, Splits, Task, run
from snnplug.engine.optimize import make_optimizer
from snnplug.engine.schedule import learning_rate_factor
from snnplug.engine.train_section import TrainSection
from snnplug.nn import ImageSplit
from snnplug.recipe.built_in import built_in_recipes
from snnplug.recipe.plan import Plan, make_plan
from snnplug.recipe.read import read_recipe

NAMES = [name for name in built_in_recipes() if name.startswith("autosnn")]
REGISTRY = Registry.from_installed(quiet=True)
RETRAINED = ["autosnn_cifar10", "autosnn_cifar100", "autosnn_svhn", "autosnn_tinyimagenet"]
PAGE = Path(__file__).parents[2] / "docs" / "autosnn.md"
# side, channels, classes
SIZES = {
    "autosnn_digits": (8, 1, 10),
    "autosnn_mnist": (28, 1, 10),
    "autosnn_cifar100": (32, 3, 100),
    "autosnn_tinyimagenet": (64, 3, 200),
    "autosnn_dvs128gesture": (128, 2, 11),
}


def task(name: str, steps: int | None = 8) -> Task:
    side, channels, classes = SIZES.get(name, (32, 3, 10))
    return Task(input_shape=(channels, side, side), classes=classes, steps=steps, events=channels == 2)


def noise(*, name: str) -> Splits:
    """Images of noise, two for each of ten classes and part."""
    facts, generator = task(name, None), torch.Generator().manual_seed(0)
    size = facts.input_shape if not facts.events else (2, *facts.input_shape)
    parts = [ImageSplit(torch.rand(20, *size, generator=generator), torch.arange(20) % 10) for _ in range(3)]
    return Splits(task=facts, train=parts[0], val=parts[1], test=parts[2])


def as_published(plan: Plan, section: TrainSection | None) -> None:
    """Check training, neuron, number of steps and loss against the paper's."""
    assert section is not None
    assert (section.epochs, section.batch_size) == (600, 96)
    optimizer = make_optimizer(torch.nn.Linear(2, 2), section)
    assert isinstance(optimizer, torch.optim.Adam)
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["weight_decay"]) == (1e-3, 0)
    assert {learning_rate_factor(section, epoch) for epoch in (0, 1, 300, 599)} == {1.0}
    timed = plan["dataset"] if "steps" in plan["dataset"].parameters else plan["encoder"]
    assert timed.parameters["steps"] == 8
    neuron = plan["neuron"].build()
    assert (neuron.tau, neuron.threshold, neuron.reset) == (2.0, 1.0, "hard")
    outputs = torch.tensor([[[1.0, 0.0]], [[0.0, 0.0]]])  # fires at every second step
    assert plan["loss"].build()(outputs, torch.tensor([0])) == pytest.approx(0.5**2 / 2)


@pytest.mark.parametrize("name", RETRAINED)
def test_the_published_network_is_trained_as_published_on_all_images(name: str) -> None:
    plan = make_plan(read_recipe(name), REGISTRY)
    as_published(plan, plan.recipe.train)
    assert plan["dataset"].parameters["val_fraction"] == 0
    network: Any = plan["architecture"].build(task(name))
    side, _, classes = SIZES.get(name, (32, 3, 10))
    stem = 0 if side == 32 else 9 * 16 * 16 + 2 * 16 + 1  # a second convolution for 64 x 64 pixels
    votes = 1024 * 10 * (classes - 10)
    assert sum(p.numel() for p in network.parameters()) == 417_626 + stem + votes


def test_event_frames_are_trained_as_published() -> None:
    plan = make_plan(read_recipe("autosnn_dvs128gesture"), REGISTRY)
    as_published(plan, plan.recipe.train)
    network: Any = plan["architecture"].build(task("autosnn_dvs128gesture"))
    stem = 9 * 16 * 16 + 2 * 16 + 1 - 9 * 16  # a second convolution, and two channels in place of three
    assert sum(p.numel() for p in network.parameters()) == 417_626 + stem + 1024 * 10


def test_the_pages_data_set_of_event_frames_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's code, on files of frames in small."""
    generator = np.random.default_rng(0)
    for part, label in itertools.product(("train", "test"), range(3)):
        (tmp_path / "frames" / part / str(label)).mkdir(parents=True)
        for i in range(2):
            frames = generator.poisson(0.1, (2, 2, 128, 128)).astype(np.float32)
            np.savez(tmp_path / "frames" / part / str(label) / f"{i}.npz", frames=frames)
    [code] = re.findall(r"```py\n(# gesture\.py\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "gesture.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    registry = Registry([*REGISTRY])
    registry.register(DatasetSpec(name="gesture", target="gesture:gesture", summary="Frames."))
    overrides = ["dataset={use='gesture'}", "architecture.channels=2", "train.epochs=1"]
    done = run(
        "autosnn_dvs128gesture", out=tmp_path / "run", overrides=overrides, registry=registry, device="cpu"
    )
    assert 0 <= done.summary["accuracy"]["test"] <= 1
    assert done.summary["synaptic_operations"] > 0


def test_the_pages_network_made_by_hand_is_of_the_small_searchs_space(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(# hand_made\.toml\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "hand_made.toml").write_text(text, encoding="utf-8")
    by_hand = make_plan(read_recipe(tmp_path / "hand_made.toml"), REGISTRY)
    found = make_plan(read_recipe("autosnn_digits"), REGISTRY)
    facts = task("autosnn_digits", steps=4)
    space: Any = found["search.space"].build(facts)
    network: Any = by_hand["architecture"].build(facts)
    network.load_state_dict(space.supernet().weights("SRB_k3 SRB_k3 SRB_k3 SRB_k3"))
    assert by_hand.recipe.train == found.recipe.train
    assert [by_hand["dataset"], by_hand["loss"]] == [found["dataset"], found["loss"]]


@pytest.mark.parametrize("channels", [32, 64, 128])
def test_wider_by_an_override(channels: int) -> None:
    plan = make_plan(read_recipe("autosnn_cifar10", [f"architecture.channels={channels}"]), REGISTRY)
    with torch.device("meta"):
        network: Any = plan["architecture"].build(task("autosnn_cifar10"))
    sizes = {32: 1_462_954, 64: 5_436_746, 128: 20_916_874}
    assert sum(p.numel() for p in network.parameters()) == sizes[channels]


def test_the_search_is_the_published_one() -> None:
    plan = make_plan(read_recipe("autosnn_search_cifar10"), REGISTRY)
    as_published(plan, plan.recipe.sections["search.supernet"])
    as_published(plan, plan.recipe.train)
    assert plan["dataset"].parameters["val_fraction"] == 0.2
    space: Any = plan["search.space"].build(task("autosnn_search_cifar10"))
    assert space.size() == 3125
    assert sum(p.numel() for p in space.supernet().parameters()) == 1_367_868
    strategy: Any = plan["search.strategy"].build(space, 0)
    defaults = {name: getattr(strategy, name) for name in ("draws", "pool", "best", "mutants", "children")}
    assert defaults == {"draws": 200, "pool": 20, "best": 10, "mutants": 10, "children": 10}
    scorer: Any = plan["search.scorer"].build()
    assert (scorer.exponent, scorer.spikes, scorer.samples) == (-0.08, "neurons_and_pools", None)
    assert (scorer.recalibrate, scorer.average) == (0, None)


@pytest.mark.parametrize("name", NAMES)
def test_each_runs_in_small(name: str, tmp_path: Path) -> None:
    registry = Registry([*REGISTRY])
    registry.register(DatasetSpec(name="noise", target=noise, summary="Noise."))
    recipe = read_recipe(name)
    stage = "search.space" if recipe.search else "architecture"
    overrides = ["dataset.use=noise", f"dataset.name={name}", f"{stage}.channels=2", "encoder.steps=2"]
    overrides += ["train.epochs=1", "measure.samples=2", "measure.batch_size=20"]
    if recipe.search:
        overrides += ["search.strategy.draws=2", "search.supernet.epochs=1", "search.supernet.paths=1"]
    done = run(name, out=tmp_path / "run", overrides=overrides, registry=registry, device="cpu")
    if recipe.search:
        assert math.isfinite(done.summary["search"]["score"])
    assert 0 <= done.summary["accuracy"]["test"] <= 1
