"""A search that learns, in a run: its reasons are recorded, and a stop or workers change nothing."""

from __future__ import annotations

import copy
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import snnplug
from snnplug import Registry
from snnplug.errors import RunFailed
from snnplug.runs.journal import TrialJournal

pytest.importorskip("snnplug_bayesian")

RECIPE: dict[str, Any] = {
    "dataset": {"use": "digits"},
    "encoder": {"use": "direct", "steps": 2},
    "neuron": {"use": "lif"},
    "search": {
        "space": {"use": "snasnet", "channels": 2},
        "scorer": {"use": "spiking_chain"},
        "strategy": {"use": "bayesian", "draws": 40, "keep": [20, 2], "trust": 8},
        "rungs": [{"use": "synflow"}, {"use": "synflow"}],
        "round_size": 4,
        "objectives": {"parameters": "min"},
    },
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.from_installed(quiet=True)


@pytest.fixture(scope="module")
def done(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("learned") / "run"
    snnplug.run(RECIPE, out=out, registry=registry)
    return out


def found(directory: Path) -> Any:
    """Return every score of a run with its reason, without its time."""
    trials = [json.loads((directory / name).read_text()) for name in ("trials.json", "rungs.json")]
    return [
        {key: value for key, value in one.items() if key != "seconds"} for one in (*trials[0], *trials[1])
    ]


def test_why_and_what_was_expected_are_recorded_and_shown(done: Path) -> None:
    trials = json.loads((done / "rungs.json").read_text())
    assert Counter(trial["why"] for trial in trials) == {
        "prior, before trust": 6,
        "chance, before trust": 2,
        "expected improvement": 9,
        "prior": 3,
        "best of the rung below": 2,
    }
    expected = [trial["why"] for trial in trials if trial.get("expected") is not None]
    assert Counter(expected) == {"expected improvement": 9, "prior": 3}
    report = (done / "report.html").read_text(encoding="utf-8")
    assert "<td>expected improvement</td>" in report
    assert "Of 12 candidates of rung 1 the strategy had said what score it expected" in report


@pytest.mark.slow
def test_stopped_and_continued_and_with_two_workers_it_is_the_same(
    done: Path, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, add, calls = copy.deepcopy(RECIPE), TrialJournal.add, itertools.count()
    recipe["search"]["workers"] = 2

    def stopped(journal: TrialJournal, *scored: Any) -> Any:
        if next(calls) == 54:  # after the first choices that were learned
            raise RunFailed("stopped here")
        return add(journal, *scored)

    with monkeypatch.context() as patch:
        patch.setattr(TrialJournal, "add", stopped)
        with pytest.raises(RunFailed, match="stopped here"):
            snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    snnplug.resume(tmp_path / "run", registry=registry)
    assert found(tmp_path / "run") == found(done)


def test_another_number_of_rungs_is_refused(registry: Registry, tmp_path: Path) -> None:
    recipe = copy.deepcopy(RECIPE)
    recipe["search"]["strategy"]["keep"] = [20]
    with pytest.raises(
        snnplug.SnnplugError, match=r"asks at 1 rungs above the first, and search\.rungs has 2"
    ):
        snnplug.run(recipe, out=tmp_path / "run", registry=registry)
