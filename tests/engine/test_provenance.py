"""Versions that a run records: of the distributions it used, and of what these require."""

from __future__ import annotations

from importlib import metadata

import pytest

from snnplug import Registry
from snnplug.engine.provenance import differing_parameters, versions
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe
from snnplug.runs.records import ComponentUse, Resolved


def test_plugins_bring_what_they_require() -> None:
    pytest.importorskip("snnplug_norse")
    pytest.importorskip("snnplug_lif")
    registry = Registry.from_installed(quiet=True)
    norse = versions([registry.use("neuron", "snnplug-norse:norse_lif")])
    assert norse["norse"] == metadata.version("norse")
    assert norse["snnplug-norse"] == metadata.version("snnplug-norse")
    assert norse["torch"] == metadata.version("torch")
    lif = versions([registry.use("neuron", "snnplug-lif:lif")])
    assert "norse" not in lif
    assert "spikingjelly" in lif
    assert list(lif) == sorted(lif)


def test_a_component_from_python_has_no_distribution(toy_registry: Registry) -> None:
    found = versions([toy_registry.use("neuron", "toy")])
    assert found["local"] == ""
    assert "snnplug" in found


def test_a_parameter_that_another_version_did_not_have_was_what_is_the_default() -> None:
    registry = Registry.from_installed(quiet=True)
    pytest.importorskip("snnplug_datasets")
    recipe = {"dataset": {"use": "digits"}, "architecture": {"use": "vgg"}, "train": {}}
    now = {"val_fraction": 0.1, "test_fraction": 0.2, "augment": False}

    def other(**parameters: object) -> Resolved:
        use = ComponentUse(
            key="dataset",
            kind="dataset",
            use="snnplug-datasets:digits",
            version="0.0.1",
            parameters={**now, **parameters},
        )
        return Resolved(components=(use,), recipe={})

    plan = make_plan(Recipe.from_dict(recipe), registry, ("dataset",))
    assert differing_parameters(plan, other(), ("dataset",)) == []
    assert differing_parameters(plan, other(split_seed=3), ("dataset",)) == [
        "dataset.split_seed is 3 there and 0 here"
    ]
