"""Candidates without a score: they stay so, until asked for or until their cause has changed."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import toys
from stopping import stopped_after

import snnplug
from snnplug import Candidate, Registry, ScorerSpec, StrategySpec, Trial
from snnplug.runs.journal import TrialJournal


class Follower(toys.ToyRandom):
    """Draws what depends on all that it was told, to the last bit."""

    def __init__(self, space: toys.ToySpace, seed: int, *, draws: int = 24) -> None:
        super().__init__(space, seed, draws=draws)
        self.told: list[str] = []

    def ask(self, n: int) -> Sequence[Any]:
        last = min(self.asked + n, self.draws)
        rngs = [random.Random(f"{self.seed}:{i}:{self.told}") for i in range(self.asked, last)]
        self.asked = last
        return [self.space.sample(rng) for rng in rngs]

    def tell(self, trials: Iterable[Trial]) -> None:
        self.told += [f"{trial.key}={trial.score!r}" for trial in trials]


class Moody:
    """The width; other things for those of `bad`.

    Args:
        bad: widths.
        how: what is answered to them: an error, or a number as text.
    """

    scored = 0

    def __init__(self, *, bad: tuple[int, ...] = (), how: str = "error") -> None:
        self.bad, self.how = bad, how

    def __call__(self, candidate: Candidate) -> float:
        Moody.scored += 1
        width = min(candidate.genotype, 11)
        if width not in self.bad:
            return float(width)
        if self.how == "error":
            raise RuntimeError(f"no score for {width}")
        return float(self.how)


def registry(version: str = "1.0", **settings: Any) -> Registry:
    """Return the toys with a scorer of a plugin, whose mood is no parameter of the recipe."""
    made = toys.toy_registry()
    made.register(StrategySpec(name="follower", target=Follower, summary="Follows."))

    def moody() -> Moody:
        return Moody(**settings)

    spec = ScorerSpec(name="moody", target=moody, summary="Widths.")
    made.register(spec, plugin="acme-mood", version=version)
    return made


@pytest.fixture
def recipe(toy_recipe: dict[str, Any]) -> dict[str, Any]:
    Moody.scored = 0
    search = {**toy_recipe["search"], "strategy": {"use": "follower"}, "scorer": {"use": "moody"}}
    del toy_recipe["train"]
    return {**toy_recipe, "search": search}


def outcome(directory: Path) -> Any:
    summary = json.loads((directory / "summary.json").read_text())
    trials = json.loads((directory / "trials.json").read_text())
    search = {key: value for key, value in summary["search"].items() if "seconds" not in key}
    return search, [{k: v for k, v in trial.items() if k != "seconds"} for trial in trials]


@pytest.mark.parametrize("how", ["inf", "-inf", "nan", "error"])
def test_killed_and_resumed_equals_unbroken_whatever_a_scorer_answers(
    how: str, recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"bad": (2, 3, 7, 11), "how": how}
    snnplug.run(recipe, out=tmp_path / "whole", registry=registry(**settings))
    assert sum(trial.get("score") is None for trial in outcome(tmp_path / "whole")[1]) >= 2
    for stop in (1, 4, 6):
        with stopped_after(stop):
            snnplug.run(recipe, out=tmp_path / f"{stop}", registry=registry(**settings))
        snnplug.resume(tmp_path / f"{stop}", registry=registry(**settings))
        assert outcome(tmp_path / f"{stop}") == outcome(tmp_path / "whole")


def test_what_failed_stays_failed_until_it_is_asked_for(
    recipe: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snnplug.run(recipe, out=tmp_path / "well", registry=registry())
    snnplug.run(recipe, out=tmp_path / "run", registry=registry(bad=(2, 7, 11)))
    failed = outcome(tmp_path / "run")
    assert failed != outcome(tmp_path / "well")
    Moody.scored = 0
    snnplug.resume(tmp_path / "run", registry=registry())
    assert (Moody.scored, outcome(tmp_path / "run")) == (0, failed)
    snnplug.resume(tmp_path / "run", registry=registry(), retry_failed=True, quiet=False)
    said = " ".join(capsys.readouterr().err.split())
    assert "candidates that had failed are scored again, as asked for: " in said
    assert Moody.scored > 0
    assert outcome(tmp_path / "run") == outcome(tmp_path / "well")
    assert outcome(tmp_path / "run") != failed
    assert json.loads((tmp_path / "run" / "summary.old-1.json").read_text())["search"]["key"]
    Moody.scored = 0
    snnplug.resume(tmp_path / "run", registry=registry())
    assert (Moody.scored, outcome(tmp_path / "run")) == (0, outcome(tmp_path / "well"))


def test_the_journal_says_why_and_by_whom(recipe: dict[str, Any], tmp_path: Path) -> None:
    snnplug.run(recipe, out=tmp_path / "run", registry=registry(bad=(2, 7, 11)))
    journal = TrialJournal(tmp_path / "run" / "trials.journal")
    failed = {trial.key for trial in journal.trials if math.isnan(trial.score)}
    assert failed == set(journal.failures)
    for failure in journal.failures.values():
        assert "RuntimeError: no score for " in failure.reason
        assert (failure.plugin, failure.version) == ("acme-mood", "1.0")
    trials = snnplug.load(tmp_path / "run").trials
    assert {trial.reason for trial in trials if trial.score is not None} == {None}
    reasons = {journal.failures[trial.key].reason for trial in trials if trial.score is None}
    assert reasons == {trial.reason for trial in trials if trial.score is None}


def test_what_failed_by_a_plugin_that_has_changed_is_scored_again(
    recipe: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snnplug.run(recipe, out=tmp_path / "well", registry=registry())
    snnplug.run(recipe, out=tmp_path / "run", registry=registry(bad=(2, 7, 11)))
    mended = registry("1.1")
    snnplug.resume(tmp_path / "run", registry=mended, accept_versions=True, quiet=False)
    assert "what they failed by has changed: " in " ".join(capsys.readouterr().err.split())
    assert outcome(tmp_path / "run") == outcome(tmp_path / "well")


def test_a_new_best_is_trained_anew_and_the_network_before_is_kept(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    recipe["train"] = {"epochs": 2, "batch_size": 8}
    before = snnplug.run(recipe, out=tmp_path / "run", registry=registry(bad=(8, 9, 10, 11)))
    well = snnplug.run(recipe, out=tmp_path / "well", registry=registry())
    assert before.summary["search"]["best"] != well.summary["search"]["best"]
    again = snnplug.resume(tmp_path / "run", registry=registry(), retry_failed=True)
    assert again.summary["accuracy"] == well.summary["accuracy"]
    assert [epoch.loss for epoch in again.metrics] == [epoch.loss for epoch in well.metrics]
    assert (tmp_path / "run" / "checkpoint.old-1.pt").exists()
