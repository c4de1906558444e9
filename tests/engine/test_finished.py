"""A result that stands is replaced by an equal one, or on request, and then kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import toys

import snnplug
from snnplug import EnergyModelSpec, Registry
from snnplug.errors import RunFailed


def registry(each: float) -> Registry:
    """Return the toys with an energy model whose operations cost that much."""
    made = toys.toy_registry()
    estimate = toys.ToyEnergy()

    class Model:
        def __call__(self, activity: Any) -> Any:
            energy = estimate(activity)
            item = snnplug.EnergyItem("operations", energy.items[0].count, each)
            return snnplug.EnergyEstimate(unit="relative", items=(item,))

    made.register(EnergyModelSpec(name="priced", target=Model, summary="Priced.", unit="relative"))
    return made


@pytest.fixture
def finished(toy_recipe: dict[str, Any], tmp_path: Path) -> Path:
    recipe = {**toy_recipe, "energy": {"models": ["priced"]}}
    return snnplug.run(recipe, out=tmp_path / "run", registry=registry(1.0)).directory


def contents(directory: Path) -> dict[str, bytes]:
    visible = [path for path in directory.iterdir() if not path.name.startswith(".")]
    return {path.name: path.read_bytes() for path in visible}


def test_an_equal_result_is_measured_and_reported_again(finished: Path) -> None:
    before = contents(finished)
    (finished / "report.html").write_text("old")
    again = snnplug.resume(finished, registry=registry(1.0))
    assert again.summary == json.loads(before["summary.json"])
    assert (finished / "report.html").read_bytes() == before["report.html"]
    assert not list(finished.glob("*.old-*"))


def test_another_result_is_refused_and_nothing_is_touched(finished: Path) -> None:
    before = contents(finished)
    with pytest.raises(RunFailed, match=r"gives another result now: energy.*--accept-versions"):
        snnplug.resume(finished, registry=registry(2.0))
    after = contents(finished)
    after["trials.journal"] = before["trials.journal"]  # Optuna notes every opening
    assert after == before


def test_accepted_it_replaces_the_one_before_which_is_kept(finished: Path) -> None:
    before = (finished / "summary.json").read_bytes()
    again = snnplug.resume(finished, registry=registry(2.0), accept_versions=True)
    assert again.summary["energy"][0]["value"] == 2 * json.loads(before)["energy"][0]["value"]
    assert (finished / "summary.old-1.json").read_bytes() == before
    assert snnplug.load(finished).summary == again.summary
    snnplug.resume(finished, registry=registry(3.0), accept_versions=True)
    assert (finished / "summary.old-2.json").exists()
    assert (finished / "summary.old-1.json").read_bytes() == before


def test_what_is_missing_is_made_again(finished: Path) -> None:
    before = contents(finished)
    for name in ("trials.json", "metrics.jsonl", "activity.json", "report.html"):
        (finished / name).unlink()
    snnplug.resume(finished, registry=registry(1.0))
    assert {name for name, data in contents(finished).items() if data != before[name]} <= {"trials.journal"}


@pytest.mark.parametrize("steps", [[2], [-1, -2]])
def test_a_loss_that_reads_chosen_steps_is_measured(steps: list[int], tmp_path: Path) -> None:
    recipe: dict[str, Any] = {
        "encoder": {"use": "direct", "steps": 3},
        "architecture": {"use": "dense", "hidden": [8]},
        "loss": {"use": "lts", "steps": steps},
        "train": {"epochs": 1, "batch_size": 512},
    }
    done = snnplug.run(recipe, out=tmp_path / "run", device="cpu")
    assert done.summary["accuracy"]["test"] > 0
    assert not done.records.answers.by_step
