"""A run that is resumed with other versions than it was begun with."""

from __future__ import annotations

import re
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import toys
from click.testing import CliRunner

import snnplug
from snnplug import NeuronSpec, Registry, ScorerSpec
from snnplug.cli import main
from snnplug.engine import provenance
from snnplug.errors import RunDirectoryError
from snnplug.runs.directory import RunDirectory


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


def test_torch_of_another_version_stops_it(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"torch": "1.0", "click": "0.1"}  # click computes nothing
    original = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: other.get(name) or original(name))
    with pytest.raises(RunDirectoryError) as caught:
        snnplug.resume(begun, registry=registry("1.0"))
    assert re.search(r"torch \S+ -> 1\.0", str(caught.value))
    assert "click" not in str(caught.value)


def test_accepted_they_are_recorded(begun: Path) -> None:
    done = snnplug.resume(begun, registry=registry("2.0"), accept_versions=True)
    assert done.records.resolved.accepted == ("acme-drift 1.0 -> 2.0",)
    assert done.records.resolved.environment["acme-drift"] == "1.0"
    assert done.summary["versions"]["acme-drift"] == "2.0"


def test_the_same_versions_go_on(begun: Path) -> None:
    assert snnplug.resume(begun, registry=registry("1.0")).summary["epochs"] == 4


def with_content(monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    hashes = {"acme-drift": content, "snnplug": "core"}
    monkeypatch.setattr(provenance, "content_hash", lambda name: hashes.get(name, ""))


def test_other_files_of_the_same_version_stop_it(
    toy_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {**toy_recipe, "neuron": {"use": "drift"}}
    with_content(monkeypatch, "one")
    snnplug.run(recipe, out=tmp_path / "run", registry=registry("1.0"))
    (tmp_path / "run" / "summary.json").unlink()
    with_content(monkeypatch, "two")
    with pytest.raises(RunDirectoryError, match=r"acme-drift 1\.0: other content\. .*--accept-versions"):
        snnplug.resume(tmp_path / "run", registry=registry("1.0"))
    done = snnplug.resume(tmp_path / "run", registry=registry("1.0"), accept_versions=True)
    assert done.records.resolved.accepted == ("acme-drift 1.0: other content",)


def test_a_plugin_that_is_gone_or_new_counts(begun: Path) -> None:
    with pytest.raises(RunDirectoryError, match=r"acme-drift 1\.0 -> not installed"):
        snnplug.resume(begun, registry=toys.toy_registry())
    more = registry("1.0")
    spec = ScorerSpec(name="more", target=toys.ToySize, summary="Size.", baseline=True, cost="model")
    more.register(spec, plugin="snnplug-lif", version="0.1.0")  # an installed distribution, so it has content
    with pytest.raises(RunDirectoryError, match=r"snnplug-lif 0\.1\.0: not there before"):
        snnplug.resume(begun, registry=more)


def test_what_was_accepted_goes_on_and_what_was_before_does_not(begun: Path) -> None:
    snnplug.resume(begun, registry=registry("2.0"), accept_versions=True)
    (begun / "summary.json").unlink()
    assert snnplug.resume(begun, registry=registry("2.0")).summary["epochs"] == 4
    with pytest.raises(RunDirectoryError, match=r"acme-drift 2\.0 -> 1\.0"):
        snnplug.resume(begun, registry=registry("1.0"))


@pytest.mark.parametrize("name", ["trials.journal", "checkpoint.pt"])
def test_a_file_of_another_run_is_refused(name: str, begun: Path, toy_recipe: dict[str, Any]) -> None:
    other = begun.with_name("other")
    recipe = {**toy_recipe, "neuron": {"use": "drift", "tau": 3.0}}
    snnplug.run(recipe, out=other, registry=registry("1.0"))
    if name == "checkpoint.pt":  # of the same candidate
        state = RunDirectory(other).load_checkpoint()
        assert state is not None
        mine = RunDirectory(begun).load_checkpoint()
        assert mine is not None
        RunDirectory(begun).save_checkpoint({**state, "genotype": mine["genotype"]})
    else:
        shutil.copy(other / name, begun / name)
    with pytest.raises(RunDirectoryError, match=rf"{name} belongs to a run of another recipe"):
        snnplug.resume(begun, registry=registry("1.0"))


def test_a_file_of_other_versions_is_refused(begun: Path, toy_recipe: dict[str, Any]) -> None:
    other = begun.with_name("other")
    snnplug.run({**toy_recipe, "neuron": {"use": "drift"}}, out=other, registry=registry("3.0"))
    shutil.copy(other / "trials.journal", begun / "trials.journal")
    with pytest.raises(
        RunDirectoryError, match=r"trials\.journal was computed with .*acme-drift 3\.0 -> 1\.0"
    ):
        snnplug.resume(begun, registry=registry("1.0"))
