"""Versions that a run records: of the distributions it used, and of what these require."""

from __future__ import annotations

from importlib import metadata

import pytest

from snnplug import Registry
from snnplug.engine.provenance import versions


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
