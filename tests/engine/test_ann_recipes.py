"""The built-in recipes of artificial networks: published sizes at full width, and a run of each in small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("snnplug_ann", reason="the recipes need the first plugins")

from snnplug import DatasetSpec, Registry, Splits, Task, load, run
from snnplug.engine.optimize import make_optimizer
from snnplug.engine.schedule import learning_rate_factor
from snnplug.nn import ImageSplit, SpikingNeuron, materialize
from snnplug.recipe.built_in import built_in_recipes
from snnplug.recipe.plan import make_plan
from snnplug.recipe.read import read_recipe

NAMES = [name for name in built_in_recipes() if name.startswith("ann_") and name != "ann_digits"]
REGISTRY = Registry.from_installed(quiet=True)


def noise(*, classes: int = 10, **_: Any) -> Splits:
    """Images of noise, two for each of ten classes and part."""
    generator = torch.Generator().manual_seed(0)
    parts = [
        ImageSplit(torch.rand(20, 3, 32, 32, generator=generator), torch.arange(20) % classes)
        for _ in range(2)
    ]
    task = Task(input_shape=(3, 32, 32), classes=classes)
    return Splits(task=task, train=parts[0], val=None, test=parts[1])


@pytest.mark.parametrize(
    ("name", "classes", "parameters", "stages"),
    [
        ("ann_vgg16_cifar10", 10, 14_724_042, 18),
        ("ann_vgg16_cifar100", 100, 14_770_212, 18),
        ("ann_resnet20_cifar10", 10, 11_247_946, 20),
        ("ann_resnet20_cifar100", 100, 11_294_116, 20),
    ],
)
def test_published_size_and_training(name: str, classes: int, parameters: int, stages: int) -> None:
    plan = make_plan(read_recipe(name), REGISTRY)
    section = plan.recipe.train
    assert section is not None
    assert (section.epochs, section.batch_size) == (300, 128)
    optimizer = make_optimizer(torch.nn.Linear(2, 2), section)
    assert isinstance(optimizer, torch.optim.SGD)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"], group["nesterov"]) == (
        0.1,
        0.9,
        5e-4,
        False,
    )
    assert learning_rate_factor(section, 150) == pytest.approx(0.5)
    with torch.device("meta"):
        network: Any = plan["architecture"].build(Task(input_shape=(3, 32, 32), classes=classes))
    assert sum(p.numel() for p in network.parameters()) == parameters
    neurons = [part for part in network.modules() if isinstance(part, SpikingNeuron)]
    assert len(neurons) == stages
    assert all(neuron.analog for neuron in neurons)
    augment = plan["dataset"].parameters["augment"]
    assert [one if isinstance(one, str) else one["use"] for one in augment] == [
        "crop_flip",
        "auto_augment",
        "cutout",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_runs_in_small(name: str, tmp_path: Path) -> None:
    registry = Registry([*REGISTRY])
    registry.register(DatasetSpec(name="noise", target=noise, summary="Noise."))
    narrow = "layers=[2,'M',2,'M']" if "vgg" in name else "widths=[2,2,2,2]"
    overrides = [
        "dataset.use=noise",
        f"dataset.classes={name.partition('cifar')[2]}",
        f"architecture.{narrow}",
    ]
    overrides += ["train.epochs=1", "measure.samples=2", "measure.batch_size=20"]
    done = run(name, out=tmp_path / "run", overrides=overrides, registry=registry, device="cpu")
    assert done.summary["spikes_per_sample"] == done.summary["synaptic_operations"] == 0
    assert done.summary["macs"] > 0
    assert (tmp_path / "run" / "report.html").is_file()


def test_the_weights_of_an_ann_begin_a_spiking_network(tmp_path: Path) -> None:
    overrides = ["train.epochs=8", "encoder.steps=4"]
    done = run("ann_digits", out=tmp_path / "ann", overrides=overrides, device="cpu")
    assert done.summary["accuracy"]["test"] > 0.9
    assert done.summary["spikes_per_sample"] == 0
    ann = load(tmp_path / "ann").model()
    spiking: Any = make_plan(read_recipe("ann_digits", [*overrides, "neuron.use=plif"]), REGISTRY)
    task = Task(input_shape=(1, 8, 8), classes=10, steps=4)
    network = spiking["architecture"].build(task)
    materialize(network, torch.rand(4, 2, 1, 8, 8))
    missing, unexpected = network.load_state_dict(ann.state_dict(), strict=False)
    assert not unexpected
    assert all(isinstance(network.get_submodule(key.rpartition(".")[0]), SpikingNeuron) for key in missing)
