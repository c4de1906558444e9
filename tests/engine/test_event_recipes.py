"""The built-in recipes for events and IMP with LTS on images: as published, and a run of each in small."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from torch import nn

pytest.importorskip("snnplug_models", reason="the recipes need the first plugins")

from snnplug import Component, DatasetSpec, Registry, Splits, Task, run
from snnplug.engine.optimize import make_optimizer
from snnplug.engine.schedule import learning_rate_factor
from snnplug.nn import ImageSplit, materialize
from snnplug.recipe.built_in import built_in_recipes
from snnplug.recipe.plan import Plan, make_plan
from snnplug.recipe.read import read_recipe

REGISTRY = Registry.from_installed(quiet=True)
EVENTS = ("tet_", "imp_cifar10dvs", "imp_ncaltech101", "plif_", "recurrent_")
NAMES = [name for name in built_in_recipes() if name.startswith((*EVENTS, "imp_lts"))]
# side, classes, steps, channels
FRAMES = {
    "tet_cifar10dvs": (48, 10, 10, 2),
    "imp_cifar10dvs_48": (48, 10, 10, 2),
    "imp_ncaltech101_48": (48, 101, 10, 2),
    "imp_cifar10dvs_128": (128, 10, 16, 2),
    "imp_ncaltech101_128": (128, 101, 16, 2),
    "plif_nmnist": (34, 10, 10, 2),
    "plif_cifar10dvs": (128, 10, 20, 2),
    "plif_dvs128gesture": (128, 11, 20, 2),
    "recurrent_shd": (0, 20, 100, 0),
}
IMAGES = {
    "plif_mnist": (28, 10, 8, 1),
    "plif_fashion_mnist": (28, 10, 8, 1),
    "plif_cifar10": (32, 10, 8, 3),
    "imp_lts_cifar10": (32, 10, 4, 3),
    "imp_lts_cifar100": (32, 100, 4, 3),
    "imp_lts_imagenet": (224, 1000, 4, 3),
    "imp_lts_imagenet100": (224, 100, 4, 3),
}
WEIGHTS = {
    "tet_cifar10dvs": 9_268_746,
    "imp_cifar10dvs_48": 9_268_746 + 8 * 10,
    "imp_ncaltech101_48": 9_268_746 + 8 * 10 + 91 * 4609,
    "imp_cifar10dvs_128": 9_227_786,
    "imp_ncaltech101_128": 9_227_786 + 91 * 513,
    "plif_nmnist": 17_132_288,
    "plif_cifar10dvs": 17_427_712,
    "plif_dvs128gesture": 1_698_304,
    "plif_mnist": 13_198_976,
    "plif_fashion_mnist": 13_198_976,
    "plif_cifar10": 36_718_336,
    "recurrent_shd": 700 * 128 + 128 + 128 * 128 + 128 * 20 + 20,
    "imp_lts_cifar10": 11_173_962,
    "imp_lts_cifar100": 11_173_962 + 90 * 513,
    "imp_lts_imagenet": 11_689_512,
    "imp_lts_imagenet100": 11_689_512 - 900 * 513,
}


def task(name: str, steps: int | None = None) -> Task:
    """Return what a recipe's network is built for; with other steps, what it is tried with."""
    side, classes, published, channels = {**FRAMES, **IMAGES}[name]
    shape = (channels, side, side) if side else (700,)
    events = name in FRAMES
    return Task(
        input_shape=shape,
        classes=classes,
        steps=steps or published,
        events=events,
        values="counts" if events else "scaled",
    )


def noise(*, name: str, side: int = 16, steps: int = 2) -> Splits:
    """Frames or images of noise, of as many classes as the data set of a recipe has."""
    facts = task(name)
    shape = (*facts.input_shape[:1], side, side) if len(facts.input_shape) == 3 else facts.input_shape
    generator = torch.Generator().manual_seed(0)
    count = 2 * min(facts.classes, 12)
    size = (count, steps, *shape) if facts.events else (count, *shape)
    values = torch.poisson(torch.full(size, 0.5), generator=generator)
    if not facts.events:
        values = values.clamp(max=1)
    part = ImageSplit(values, torch.arange(count) % (count // 2))
    facts = attrs.evolve(facts, input_shape=shape, steps=steps if facts.events else None)
    return Splits(task=facts, train=part, val=part, test=part)


def planned(name: str) -> Plan:
    """Return the plan of a recipe on noise, as its own data set need not be installed."""
    registry = Registry([*REGISTRY])
    registry.register(DatasetSpec(name="noise", target=noise, summary="Noise."))
    return make_plan(read_recipe(name, ["dataset.use=noise", f"dataset.name={name}"]), registry)


def test_all_recipes_are_here() -> None:
    assert sorted(NAMES) == sorted({**FRAMES, **IMAGES}) == sorted(WEIGHTS)


@pytest.mark.parametrize("name", NAMES)
def test_networks_are_those_of_the_papers(name: str) -> None:
    plan = planned(name)
    neuron = plan["neuron"]
    if neuron.name == "plif":
        neuron = REGISTRY.use("neuron", "snnplug-lif:lif")  # without a weight of its own
    if neuron.name == "imp":
        neuron = neuron.parameters["base"]
    with torch.device("meta"):
        network: Any = plan["architecture"].build(task(name), neuron=neuron)
    assert sum(p.numel() for p in network.parameters()) == WEIGHTS[name]


def neuron_of(plan: Plan) -> Any:
    neuron: Any = plan["neuron"].build()
    return neuron


def test_tet_is_trained_as_published() -> None:
    plan = planned("tet_cifar10dvs")
    neuron, loss = neuron_of(plan), plan["loss"].build()
    assert (neuron.tau, neuron.decay_input, neuron.reset, neuron.threshold) == (2.0, False, "hard", 1.0)
    assert (neuron.surrogate, neuron.detach_reset) == ("triangle", False)
    assert (loss.mse_weight, loss.mse_target, loss.label_smoothing) == (1e-3, 1.0, 0.0)
    section = plan.recipe.train
    assert section is not None
    assert (section.epochs, section.batch_size, section.final_lr) == (150, 128, 0.0)
    assert isinstance(make_optimizer(nn.Linear(2, 2), section), torch.optim.Adam)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("imp_") and "lts" not in name])
def test_imp_on_events_is_trained_as_published(name: str) -> None:
    plan = planned(name)
    neuron, loss, section = neuron_of(plan), plan["loss"].build(), plan.recipe.train
    assert section is not None
    assert (loss.label_smoothing, loss.mse_weight) == (0.01, 0.0)
    assert section.epochs == 200
    base, [group, spared] = neuron.base, make_optimizer(nn.Linear(2, 2), section).param_groups
    assert spared["weight_decay"] == 0  # of the bias
    if name.endswith("_48"):
        assert (neuron.low, neuron.high) == (-0.2, 0.2)
        assert 1 - 1 / base.tau == pytest.approx(0.25)
        assert (base.decay_input, base.reset, base.detach_reset, base.surrogate) == (
            False,
            "hard",
            False,
            "triangle",
        )
        assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.1, 0.9, 5e-4)
        assert learning_rate_factor(section, 199) < 1e-3
    else:
        assert (neuron.low, neuron.high) == (0.4, 0.6)
        assert (base.tau, base.decay_input, base.reset, base.detach_reset) == (2.0, True, "soft", True)
        assert (base.surrogate, base.alpha) == ("sigmoid", 4.0)
        assert (group["lr"], group["weight_decay"], section.clip_norm) == (1e-3, 0.06, 1.0)
        assert [learning_rate_factor(section, epoch) for epoch in (14, 30)] == [pytest.approx(15 / 31), 1.0]


@pytest.mark.parametrize(
    ("name", "count"), [("imp_cifar10dvs_48", 921_600), ("imp_cifar10dvs_128", 2_621_440)]
)
def test_initial_potentials_are_as_many_as_published(name: str, count: int) -> None:
    plan, facts = planned(name), task(name)
    network: Any = plan["architecture"].build(facts, neuron=plan["neuron"])
    materialize(network, torch.zeros(facts.steps or 1, 1, *facts.input_shape))
    found = sum(p.numel() for key, p in network.named_parameters() if key.endswith("theta"))
    assert found == count


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("plif_")])
def test_plif_is_trained_as_published(name: str) -> None:
    plan = planned(name)
    neuron, section = neuron_of(plan), plan.recipe.train
    assert section is not None
    assert (neuron.reset, neuron.detach_reset, neuron.surrogate, neuron.alpha) == ("hard", True, "atan", 2.0)
    assert (neuron.decay_input, neuron.threshold) == (True, 1.0)
    assert (section.epochs, section.batch_size, plan.recipe.seed) == (1024, 16, 2020)
    assert make_optimizer(nn.Linear(2, 2), section).param_groups[0]["lr"] == 1e-3


@pytest.mark.parametrize("name", [name for name in NAMES if "lts" in name])
def test_imp_with_lts_is_trained_as_published(name: str) -> None:
    plan = planned(name)
    neuron, loss, section = neuron_of(plan), plan["loss"].build(), plan.recipe.train
    assert section is not None
    base = neuron.base
    assert (neuron.low, neuron.high) == (0.4, 0.6)
    assert (base.reset, base.detach_reset) == ("soft" if "cifar" in name else "hard", False)
    assert (base.surrogate, base.alpha) == ("atan", 2.0)
    assert plan["encoder"].parameters["steps"] == 4
    outputs = torch.rand(4, 2, 3)
    assert torch.equal(loss.readout(outputs), outputs[-1])
    epochs = {"imagenet": 320, "imagenet100": 200, "cifar10": 300, "cifar100": 200}
    assert section.epochs == epochs[name.rpartition("_")[2]]


@pytest.mark.parametrize("name", [name for name in NAMES if name in IMAGES])
def test_data_sets_of_images_take_what_recipes_say(name: str) -> None:
    dataset = read_recipe(name).named[0].table
    component: Component = REGISTRY.component("dataset", dataset, "dataset")
    assert component.check("dataset") == []


@pytest.mark.parametrize("name", FRAMES)
def test_data_sets_of_events_take_what_recipes_say(name: str) -> None:
    pytest.importorskip("snnplug_events", reason="it has the data sets")
    dataset = read_recipe(name).named[0].table
    component: Component = REGISTRY.component("dataset", dataset, "dataset")
    assert component.check("dataset") == []


@pytest.mark.parametrize("name", [name for name in NAMES if name in IMAGES and name.startswith("imp")])
def test_augmented_images_reach_the_loss(name: str) -> None:
    augmentations = pytest.importorskip("snnplug_datasets.augmentations")
    facts = attrs.evolve(task(name), input_shape=(3, 32, 32))
    made = augmentations.augmentation(read_recipe(name).named[0].table["augment"], facts, [])
    torch.manual_seed(0)
    images, labels = torch.rand(8, 3, 32, 32), torch.arange(8) % facts.classes
    values = made.augment(images)
    assert values.shape == images.shape
    assert not torch.equal(values, images)
    assert (made.mix is not None) is (name == "imp_lts_cifar100")
    target = made.mix(values, labels)[1] if made.mix else labels
    outputs = torch.randn(4, 8, facts.classes)
    expected = nn.functional.cross_entropy(outputs[-1], target)
    torch.testing.assert_close(planned(name)["loss"].build()(outputs, target), expected)


SMALL = {
    "vgg": ['architecture.layers=[4, "M", 4]'],
    "sew_resnet": ["architecture.width=4", "architecture.blocks=[1, 1]"],
    "plif_net": ["architecture.channels=4", "architecture.hidden=8", "architecture.votes=2"],
    "recurrent": ["architecture.hidden=[8]"],
}


@pytest.mark.parametrize("name", NAMES)
def test_each_runs_in_small(name: str, tmp_path: Path) -> None:
    registry = Registry([*REGISTRY])
    registry.register(DatasetSpec(name="noise", target=noise, summary="Noise."))
    network = planned(name)["architecture"].name
    side = 32 if name == "plif_dvs128gesture" else 16
    overrides = ["dataset.use=noise", f"dataset.name={name}", f"dataset.side={side}", *SMALL[network]]
    overrides += ["train.epochs=1", "train.precision=32-true", "measure.samples=2"]
    overrides += ["train.warmup_epochs=0", "train.batch_size=12"]
    if "cifar" in name and "lts" in name and not find_spec("timm"):
        overrides += ["train.optimizer.use=adamw"]
    done = run(name, out=tmp_path / "run", overrides=overrides, registry=registry, device="cpu")
    assert 0 <= done.summary["accuracy"]["test"] <= 1
    assert done.summary["synaptic_operations"] > 0
    assert done.records.activity is not None
    assert not done.records.activity.uncounted
