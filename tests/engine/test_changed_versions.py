"""A run that is resumed with other versions than it was begun with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import toys
from click.testing import CliRunner

import snnplug
from snnplug import NeuronSpec, Registry
from snnplug.cli import main
from snnplug.errors import RunDirectoryError


def registry(version: str) -> Registry:
    made = toys.toy_registry()
    spec = NeuronSpec(name="drift", target=toys.ToyNeuron, summary="Another.")
    made.register(spec, plugin="acme-drift", version=version)
    return made


@pytest.fixture
def begun(toy_recipe: dict[str, Any], tmp_path: Path) -> Path:
    recipe = {**toy_recipe, "neuron": {"use": "drift"}}
    snnplug.run(recipe, out=tmp_path / "run", registry=registry("1.0"))
    (tmp_path / "run" / "summary.json").unlink()
    return tmp_path / "run"


def test_a_plugin_of_another_version_stops_it(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunDirectoryError, match=r"acme-drift 1\.0 -> 2\.0.*--accept-versions"):
        snnplug.resume(begun, registry=registry("2.0"))
    assert not (begun / "summary.json").exists()
    monkeypatch.setattr(Registry, "from_installed", lambda *args, **more: registry("2.0"))
    result = CliRunner().invoke(main, ["run", "--resume", str(begun)])
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1


def test_nested_ones_count_too(toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    space = {"use": "toy", "neuron": {"use": "acme-drift:drift", "tau": 3.0}}
    recipe = {**toy_recipe, "search": {**toy_recipe["search"], "space": space}}
    snnplug.run(recipe, out=tmp_path / "run", registry=registry("1.0"))
    with pytest.raises(RunDirectoryError, match=r"acme-drift 1\.0 -> 1\.1"):
        snnplug.resume(tmp_path / "run", registry=registry("1.1"))


def test_torch_of_another_version_stops_it(begun: Path) -> None:
    resolved = json.loads((begun / "resolved.json").read_text())
    resolved["environment"] |= {"torch": "1.0", "click": "0.1"}  # click computes nothing
    (begun / "resolved.json").write_text(json.dumps(resolved))
    with pytest.raises(RunDirectoryError) as caught:
        snnplug.resume(begun, registry=registry("1.0"))
    assert "torch 1.0 -> " in str(caught.value)
    assert "click" not in str(caught.value)


def test_accepted_they_are_recorded(begun: Path) -> None:
    done = snnplug.resume(begun, registry=registry("2.0"), accept_versions=True)
    assert done.records.resolved.accepted == ("acme-drift 1.0 -> 2.0",)
    assert done.records.resolved.environment["acme-drift"] == "1.0"
    assert done.summary["versions"]["acme-drift"] == "2.0"


def test_the_same_versions_go_on(begun: Path) -> None:
    assert snnplug.resume(begun, registry=registry("1.0")).summary["epochs"] == 4
