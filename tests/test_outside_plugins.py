"""Plugins written by the steps of the documentation, outside the tree, work with everything of ours."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from snnplug import Component, Registry, Task, run
from snnplug.nn import Loss, materialize, record, seeded

OUTSIDE = Path(__file__).parent / "data" / "outside"
NAMES = sorted(folder.name for folder in OUTSIDE.iterdir() if folder.is_dir())
TASK = Task(input_shape=(1, 16, 16), classes=4, steps=3)
NEEDED = {"snnplug-tet:sparse": {"base": "snnplug-tet:sdt"}}  # parameters without a default
OURS = Registry.from_installed(quiet=True)


def names(kind: str) -> list[str]:
    return [r.qualified for r in OURS.list(kind) if r.plugin.startswith("snnplug-")]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the packages, so that building them leaves nothing in the tree."""
    folder = tmp_path_factory.mktemp("outside")
    for name in NAMES:
        shutil.copytree(OUTSIDE / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def registry(packages: Path) -> Iterator[Registry]:
    """Return the registry in which they are installed beside ours."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    place = packages / "installed"
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(place)]
    subprocess.run([*command, *(f"./{name}" for name in NAMES)], cwd=packages, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setenv("SNNPLUG_STRICT", "1")
        yield Registry.from_installed()


def test_there_is_something_to_combine_them_with() -> None:
    assert len(names("search_space")) >= 2
    assert len(names("loss")) >= 7


@pytest.mark.parametrize("name", NAMES)
def test_their_own_tests_pass(registry, packages, run_pytest, name: str) -> None:
    reports = run_pytest(packages / name / "tests")
    assert [report.longreprtext for report in reports.values() if report.failed] == []
    assert sum(report.passed for report in reports.values()) > 20


def step(space: Component, neuron: Component, loss: Loss) -> torch.nn.Module:
    """Draw a network of a space, train it for one step, and return it."""
    x = torch.rand(4, *TASK.input_shape, generator=torch.Generator().manual_seed(0)).expand(3, 4, 1, 16, 16)
    with seeded(0):
        built = space.build(TASK, neuron=neuron)
        network = built.build(built.sample(random.Random(0)))
        materialize(network, x)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        before = {name: value.clone() for name, value in network.named_parameters()}
        loss.watch(network)
        cost = loss(network.train()(x), torch.arange(4))
        cost.backward()
        optimizer.step()
        loss.unwatch()
    assert torch.isfinite(cost)
    assert any(not torch.equal(before[name], value) for name, value in network.named_parameters())
    assert loss.readout(network.eval()(x)).shape == (4, 4)
    return network


@pytest.mark.parametrize("loss", names("loss"))
@pytest.mark.parametrize("space", names("search_space"))
def test_the_neuron_with_every_search_space_and_every_loss(registry, space: str, loss: str) -> None:
    neuron = registry.use("neuron", "acme-adaptive:adaptive_lif", threshold=0.5)
    built = registry.create("loss", loss, **NEEDED.get(loss, {}))
    network = step(registry.use("search_space", space), neuron, built)
    assert any(type(module).__name__ == "AdaptiveLif" for module in network.modules())


@pytest.mark.parametrize("space", names("search_space"))
def test_the_loss_and_the_energy_model_with_every_search_space(registry, space: str) -> None:
    neuron = registry.use("neuron", "snnplug-lif:lif")
    network = step(registry.use("search_space", space), neuron, registry.create("loss", "acme-margin:margin"))
    with torch.no_grad(), record(network) as activity:
        network(torch.rand(3, 2, *TASK.input_shape))
    estimate = registry.create("energy_model", "acme-updates:per_update")(activity)
    assert estimate.warnings == ()
    assert {item.name: item.count > 0 for item in estimate.items}["updates of neurons"]


@pytest.mark.parametrize("loss", [name for name in names("loss") if name in NEEDED])
def test_the_loss_inside_a_loss(registry, loss: str) -> None:
    outer = registry.create("loss", loss, base="acme-margin:margin")
    step(registry.use("search_space", names("search_space")[0]), registry.use("neuron", "lif"), outer)


@pytest.mark.slow
@pytest.mark.parametrize("space", names("search_space"))
def test_all_three_in_a_run(registry, tmp_path: Path, space: str) -> None:
    recipe = {
        "neuron": {"use": "acme-adaptive:adaptive_lif"},
        "search": {"space": {"use": space}, "strategy": {"draws": 2}},
        "loss": {"use": "acme-margin:margin"},
        "train": {"epochs": 1},
        "energy": {"models": ["acme-updates:per_update"]},
    }
    done = run(recipe, out=tmp_path / "run", registry=registry, device="cpu")
    (energy,) = done.summary["energy"]
    assert energy["model"] == "acme-updates:per_update"
    assert energy["value"] > 0
