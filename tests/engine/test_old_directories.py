"""Run directories that the version before stages had files of their own has made: schema 1."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import snnplug
from snnplug import Registry
from snnplug.cli import main
from snnplug.errors import RunDirectoryError

for plugin in ("datasets", "encoders", "energy", "models", "plif", "sahd", "snasnet", "tet"):
    pytest.importorskip(f"snnplug_{plugin}", reason="the runs used it")

REGISTRY = Registry.from_installed(quiet=True)
OLD = Path(__file__).parents[1] / "data" / "schema-1"
NAMES = ("search-and-train", "search-only", "train-only")


@pytest.fixture
def old(tmp_path: Path) -> Any:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(OLD / name, tmp_path / name))

    return copy


@pytest.mark.parametrize("name", NAMES)
def test_they_open(name: str) -> None:
    run = snnplug.load(OLD / name, registry=REGISTRY)
    before = json.loads((OLD / name / "summary.json").read_text())
    assert run.summary == before
    assert run.recipe.stages == tuple(before["stages"])
    if "search" in before:
        assert len(run.trials) == before["search"]["evaluated"]
        assert run.trials[0].seconds is not None
    if "accuracy" in before:
        assert run.result is not None
        assert run.result.accuracy is not None
        assert run.result.accuracy.test == before["accuracy"]["test"]
        assert run.activity is not None
        assert run.activity.spikes_per_sample == before["spikes_per_sample"]
        assert len(run.metrics) == before["epochs"]


def test_their_networks_classify_as_they_did() -> None:
    splits = REGISTRY.create("dataset", "digits")
    images, labels = splits.test.batch(torch.arange(len(splits.test)))
    for name in ("search-and-train", "train-only"):
        run = snnplug.load(OLD / name, registry=REGISTRY)
        accuracy = (run.predict(images).labels == labels).double().mean()
        assert float(accuracy) == pytest.approx(run.summary["accuracy"]["test"], abs=1 / len(labels))


def test_they_are_compared_with_new_ones(old: Any, tmp_path: Path) -> None:
    new = snnplug.run(snnplug.load(OLD / "train-only").recipe, out=tmp_path / "new", registry=REGISTRY)
    paths = [str(OLD / name) for name in NAMES]
    result = CliRunner().invoke(main, ["compare", *paths, str(new.directory), "--all"])
    assert result.exit_code == 0, result.output
    for text in ("test accuracy", "best score", "encoder.normalise", "search.space"):
        assert (text in result.stdout) is (text != "encoder.normalise"), text


@pytest.mark.parametrize("name", NAMES)
def test_they_are_replayed(name: str, tmp_path: Path) -> None:
    again = snnplug.replay(OLD / name, out=tmp_path / "again", registry=REGISTRY, device="cpu")
    before = json.loads((OLD / name / "summary.json").read_text())
    assert again.run.summary["stages"] == before["stages"]
    assert {line.split(":")[0].split(".")[0] for line in again.differences} <= {
        "accuracy",  # another processor may round otherwise
        "energy",
        "macs",
        "parameters",
        "search",
        "spikes_per_sample",
        "synaptic_operations",
    }


def test_a_killed_one_is_continued(old: Any) -> None:
    folder = old("search-and-train")
    for file in ("summary.json", "trials.json", "activity.json", "metrics.jsonl", "checkpoint.pt"):
        (folder / file).unlink()
    journal = folder / "trials.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-2]) + lines[-2][:30])
    done = snnplug.resume(folder, registry=REGISTRY, device="cpu")
    before = json.loads((OLD / "search-and-train" / "summary.json").read_text())
    for key in ("draws", "distinct", "evaluated"):
        assert done.summary["search"][key] == before["search"][key]
    assert done.summary["epochs"] == before["epochs"]


def test_a_trained_one_is_measured_again(old: Any) -> None:
    folder = old("train-only")
    (folder / "summary.json").unlink()
    done = snnplug.resume(folder, registry=REGISTRY, device="cpu")
    before = json.loads((OLD / "train-only" / "summary.json").read_text())
    assert done.summary["epochs"] == before["epochs"]
    assert done.summary["accuracy"]["test"] == pytest.approx(before["accuracy"]["test"], abs=0.01)
    assert len(done.metrics) == 2


def test_a_later_one_is_refused_in_one_line(old: Any) -> None:
    folder = old("train-only")
    resolved = json.loads((folder / "resolved.json").read_text())
    (folder / "resolved.json").write_text(json.dumps({**resolved, "schema": 99}))
    for action in (snnplug.load, snnplug.resume, snnplug.replay):
        with pytest.raises(
            RunDirectoryError, match="was not written by this version of snnplug or one before"
        ):
            action(folder)
