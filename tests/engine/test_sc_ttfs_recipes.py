"""The built-in recipes of SC-TTFS: the paper's sizes and settings, and a run of each in small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("snnplug_sc_ttfs", reason="the recipes need the first plugins")

from snnplug import DatasetSpec, Registry, Splits, Task, run
from snnplug.nn import ImageSplit, WindowNeuron
from snnplug.recipe.built_in import built_in_recipes
from snnplug.recipe.plan import make_plan
from snnplug.recipe.read import read_recipe

NAMES = [name for name in built_in_recipes() if name.startswith("sc_ttfs_") and name != "sc_ttfs_digits"]
REGISTRY = Registry.from_installed(quiet=True)
VGG16 = "[2,2,'M',2,2,'M',2,2,2,'M',2,2,2,'M',2,2,2,'M']"
LATENCY = {
    "sc_ttfs_vgg16_cifar10": 108,
    "sc_ttfs_vgg16_cifar100": 126,
    "sc_ttfs_resnet20_cifar10": 100,
    "sc_ttfs_resnet20_cifar100": 100,
}


def noise(*, classes: int = 10, **_: Any) -> Splits:
    """Images of noise, two for each of ten classes and part."""
    generator = torch.Generator().manual_seed(0)
    parts = [
        ImageSplit(torch.rand(20, 3, 32, 32, generator=generator), torch.arange(20) % classes)
        for _ in range(2)
    ]
    task = Task(input_shape=(3, 32, 32), classes=classes)
    return Splits(task=task, train=parts[0], val=None, test=parts[1])


def test_all_networks_and_data_sets_of_the_paper_have_one() -> None:
    assert sorted(NAMES) == sorted(LATENCY)


@pytest.mark.parametrize(
    ("name", "parameters", "stages", "slots"),
    [
        ("sc_ttfs_vgg16_cifar10", 14_724_042, 18, 6),
        ("sc_ttfs_vgg16_cifar100", 14_770_212, 18, 7),
        ("sc_ttfs_resnet20_cifar10", 11_247_946, 20, 5),
        ("sc_ttfs_resnet20_cifar100", 11_294_116, 20, 5),
    ],
)
def test_published_size_and_settings(name: str, parameters: int, stages: int, slots: int) -> None:
    plan = make_plan(read_recipe(name), REGISTRY)
    classes = name.partition("cifar")[2]
    task = Task(input_shape=(3, 32, 32), classes=int(classes))
    with torch.device("meta"):
        ann: Any = plan["architecture"].build(task)
        assert sum(p.numel() for p in ann.parameters()) == parameters
        snn: Any = plan["architecture"].with_parameters(neuron=plan["convert.neuron"]).build(task)
    neurons = [part for part in snn.modules() if isinstance(part, WindowNeuron)]
    assert [neuron.slots for neuron in neurons] == [slots] * stages
    assert slots * stages == LATENCY[name]

    chosen = plan["convert.neuron"].parameters
    assert (chosen["preset"], chosen["thresholds"]) == (f"cifar{classes}", "paper")
    recipe = plan.recipe
    assert recipe.convert.samples == 0  # Table 1 as it stands
    tune = recipe.sections["convert.train"]
    assert (tune.epochs, tune.batch_size, tune.schedule) == (100, 128, "cosine")
    assert tune.optimizer == {"use": "adam", "lr": 1e-5}
    assert (tune.parameters, tune.control) == (["neurons", "norms"], True)
    beside = plan.under("convert.compare.neurons").values()
    assert {"ttfs", "t2fsnn", "fs", "rate", "snn_calibration", "phase", "burst"} <= {n.name for n in beside}


def test_the_ann_is_that_of_the_recipe_that_trains_it_alone() -> None:
    for name in NAMES:
        plans = [make_plan(read_recipe(n), REGISTRY) for n in (name, name.replace("sc_ttfs", "ann"))]
        for key in ("dataset", "encoder", "neuron", "architecture", "loss"):  # else train.from is refused
            assert plans[0][key] == plans[1][key], (name, key)
        assert plans[0].recipe.train == plans[1].recipe.train


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_runs_in_small(name: str, tmp_path: Path) -> None:
    registry = Registry([*REGISTRY])
    registry.register(DatasetSpec(name="noise", target=noise, summary="Noise."))
    overrides = [
        "dataset.use=noise",
        f"dataset.classes={name.partition('cifar')[2]}",
        f"architecture.layers={VGG16}" if "vgg" in name else "architecture.widths=[2,2,2,2]",
        "train.epochs=1",
        "convert.train.epochs=1",
        "convert.compare.steps=[8]",
        "convert.compare.samples=4",
        "convert.compare.calibration=8",
        "measure.samples=2",
        "measure.batch_size=20",
    ]
    done = run(name, out=tmp_path / "run", overrides=overrides, registry=registry, device="cpu")
    rows = {row["name"]: row for row in done.summary["conversion"]["rows"]}
    assert len(rows) == 12
    chosen = next(row for row in rows.values() if row["chosen"])
    assert chosen["latency"] == LATENCY[name] == done.summary["latency_steps"]
    windows = {key.partition(" ")[0]: row["latency"] for key, row in rows.items()}
    stages = 18 if "vgg" in name else 20
    assert (windows["ttfs"], windows["t2fsnn"], windows["fs"]) == (32 * stages, 80 * stages, 10 * stages)
    assert {windows[clocked] for clocked in ("rate", "snn_calibration", "phase", "burst")} == {8}
    assert all({*row["noise"]} == {"0.05", "0.1"} for row in rows.values())
    assert (tmp_path / "run" / "report.html").is_file()
