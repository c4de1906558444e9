"""Run directories as snnplug writes them, made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from snnplug import Component, Registry
from snnplug.errors import DataError
from snnplug.testing import BenchmarkConformance, PluginConformance

SPACE = {"use": "acme:cells", "channels": 8}


def write_run(folder: Path, genotype: Any, accuracy: float | None, *, space: Any = SPACE) -> None:
    folder.mkdir(parents=True)
    recipe = {name: {"use": f"acme:{name}"} for name in ("dataset", "encoder", "neuron")}
    recipe["search"] = {"space": space, "scorer": {"use": "acme:scorer"}}
    summary: dict[str, Any] = {"search": {"best": genotype, "key": f"key of {genotype}"}}
    if accuracy is not None:
        summary |= {"accuracy": {"val": 0.5, "test": accuracy}, "parameters": 120, "seconds": {"train": 3.5}}
        epochs = [{"epoch": 1, "val_accuracy": 0.25}, {"epoch": 2, "val_accuracy": 0.5}]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(epoch) + "\n" for epoch in epochs))
    (folder / "resolved.json").write_text(json.dumps({"schema": 2, "recipe": recipe}))
    (folder / "summary.json").write_text(json.dumps(summary))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    write_run(tmp_path / "runs" / "b", "12", 0.75)
    write_run(tmp_path / "runs" / "a", "21", 0.625)
    write_run(tmp_path / "runs" / "searched-only", "11", None)
    (tmp_path / "runs" / "unfinished").mkdir()
    return tmp_path / "runs"


def read(root: Path, **more: str) -> Any:
    name = "snnplug-trained-runs:trained_runs"
    return Registry.from_installed().create("benchmark", name, root=str(root), **more)


def test_networks_and_recipe(runs: Path) -> None:
    benchmark = read(runs)
    assert [(n.id, n.genotype, n.accuracy) for n in benchmark.networks] == [
        ("a", "21", 0.625),
        ("b", "12", 0.75),
    ]
    assert benchmark.networks[0].epochs == (0.25, 0.5)
    assert benchmark.networks[0].facts == {"parameters": 120.0, "seconds": 3.5}
    assert benchmark.networks[0].key == "key of 21"
    assert benchmark.recipe["search"] == {"space": SPACE}
    assert benchmark.note == "2 networks trained by the 3 finished runs in runs"


def test_a_given_cell_is_the_architectures_genotype(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "ignored", 0.75)
    resolved = json.loads((tmp_path / "a" / "resolved.json").read_text())
    del resolved["recipe"]["search"]
    resolved["recipe"]["architecture"] = {"use": "acme:cell", "genotype": "22"}
    (tmp_path / "a" / "resolved.json").write_text(json.dumps(resolved))
    summary = json.loads((tmp_path / "a" / "summary.json").read_text())
    del summary["search"]
    (tmp_path / "a" / "summary.json").write_text(json.dumps(summary))
    benchmark = read(tmp_path)
    assert [n.genotype for n in benchmark.networks] == ["22"]
    assert "search" not in benchmark.recipe


def test_an_architecture_may_have_its_genotype_under_another_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name, "ignored", 0.75)
        resolved = json.loads((tmp_path / name / "resolved.json").read_text())
        del resolved["recipe"]["search"]
        resolved["recipe"] |= {
            "architecture": {"use": "acme:net", "blocks": name},
            "loss": {"use": "acme:loss"},
        }
        (tmp_path / name / "resolved.json").write_text(json.dumps(resolved))
        summary = json.loads((tmp_path / name / "summary.json").read_text())
        del summary["search"]
        (tmp_path / name / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(DataError, match=r"under another name than 'genotype', that name as genotype"):
        read(tmp_path)
    benchmark = read(tmp_path, genotype="blocks")
    assert [n.genotype for n in benchmark.networks] == ["a", "b"]  # of one space, whatever their blocks
    assert benchmark.recipe["loss"] == {"use": "acme:loss"}


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give the folder that holds the run directories"):
        read(tmp_path)


def test_two_spaces(runs: Path) -> None:
    write_run(runs / "c", "12", 0.5, space={"use": "acme:cells", "channels": 16})
    with pytest.raises(DataError, match="are of 2 search spaces"):
        read(runs)


def test_damaged(runs: Path) -> None:
    (runs / "a" / "summary.json").write_text("{")
    with pytest.raises(DataError, match=r"cannot use the run .*summary\.json is damaged.*move it out"):
        read(runs)


class TestPlugin(PluginConformance):
    name = "snnplug-trained-runs"


class TestTrainedRuns(BenchmarkConformance):
    name = "snnplug-trained-runs:trained_runs"

    @pytest.fixture
    def component(self, installed_registry: Registry, runs: Path) -> Component:
        return installed_registry.use(self.kind, self.name, root=str(runs))


def test_a_home_that_is_not_there() -> None:
    with pytest.raises(DataError, match=r"^no finished run in root = '~nobody_here/runs' has"):
        read(Path("~nobody_here/runs"))
