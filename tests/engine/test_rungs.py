"""Searches whose candidates are scored again, rung by rung."""

from __future__ import annotations

import copy
import errno
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from outcomes import outcome

from snnplug import Ask, Candidate, Registry, ScorerSpec, StrategySpec, Trial, resume, run, run_again
from snnplug.errors import ComponentError, RecipeError, RunFailed, StorageError

TOLD: list[Trial] = []


class Climbing:
    """Widths 1 to 8 at rung 0, then those listed at rung 1.

    Args:
        above: widths.
        level: rung that they are asked for at.
    """

    rungs = 2

    def __init__(self, space: Any, seed: int, *, above: Sequence[int] = (2, 5, 7), level: int = 1) -> None:
        climbing = [
            Ask(width, level, why="even" if width % 2 == 0 else "odd", expected=float(width))
            for width in above
        ]
        self.left: list[Any] = [*range(1, 9), *climbing]
        self.draws = len(self.left)

    def ask(self, n: int) -> Sequence[Any]:
        now, self.left = self.left[:n], self.left[n:]
        return now

    def tell(self, trials: Iterable[Trial]) -> None:
        TOLD.extend(trials)


class Width:
    """The width; none at some.

    Args:
        bad: widths that it fails at.
        power: of the width.
    """

    def __init__(self, *, bad: Sequence[int] = (), power: int = 1) -> None:
        self.bad, self.power = bad, power

    def __call__(self, candidate: Candidate) -> float:
        if candidate.genotype in self.bad:
            raise RuntimeError(f"no score for {candidate.genotype}")
        return float(candidate.genotype) ** self.power


@pytest.fixture
def registry(toy_registry: Registry) -> Registry:
    installed = Registry.from_installed(quiet=True)
    used = (("strategy", "successive_halving"), ("scorer", "trained"), ("architecture", "candidate"))
    for kind, name in used:
        toy_registry.register(installed.find(kind, name).spec)
    toy_registry.register(StrategySpec(name="climbing", target=Climbing, summary="Climbs."))
    toy_registry.register(ScorerSpec(name="width", target=Width, summary="Widths."))
    toy_registry.register(ScorerSpec(name="narrow", target=Width, summary="Widths.", higher_is_better=False))
    TOLD.clear()
    return toy_registry


@pytest.fixture
def climb(toy_recipe: dict[str, Any]) -> dict[str, Any]:
    """Widths twice; nothing is trained."""
    recipe = {name: table for name, table in toy_recipe.items() if name != "train"}
    recipe["search"] = {
        "space": {"use": "toy"},
        "strategy": {"use": "climbing"},
        "scorer": {"use": "width"},
        "rungs": [{"use": "width", "power": 2}],
        "baselines": False,
        "round_size": 4,
    }
    return recipe


@pytest.fixture
def halving(toy_recipe: dict[str, Any]) -> dict[str, Any]:
    """Spikes of all, then two trainings of the best."""
    recipe = copy.deepcopy(toy_recipe)
    recipe["search"] |= {
        "strategy": {"use": "successive_halving", "draws": 10, "keep": [4, 2]},
        "rungs": [{"use": "trained", "epochs": 1}, {"use": "trained", "epochs": 3, "last": 2}],
        "baselines": False,
    }
    recipe["train"]["epochs"] = 4
    return recipe


def losses(directory: Path) -> list[float]:
    lines = (directory / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


def test_the_best_of_the_last_rung_is_found(
    registry: Registry, climb: dict[str, Any], tmp_path: Path
) -> None:
    found = run(climb, out=tmp_path / "run", registry=registry)
    search = found.summary["search"]
    assert (search["best"], search["score"], search["draws"]) == (7, 7.0, 8)
    (rung,) = search["rungs"]
    assert rung["best"]["score"] == 49.0 and rung["best"]["genotype"] == 7
    assert (rung["candidates"], rung["failed"], rung["gained"], rung["tau"]) == (3, 0, 0.0, 1.0)
    above = [(t.genotype, t.score, t.rung, t.why, t.expected) for t in found.rungs]
    assert above == [(2, 4.0, 1, "even", 2.0), (5, 25.0, 1, "odd", 5.0), (7, 49.0, 1, "odd", 7.0)]
    assert len(found.trials) == 8  # the first rung alone
    assert [(told.genotype, told.rung, told.score) for told in TOLD[-3:]] == [
        (2, 1, 4.0),
        (5, 1, 25.0),
        (7, 1, 49.0),
    ]


def test_a_rung_may_prefer_low_scores(registry: Registry, climb: dict[str, Any], tmp_path: Path) -> None:
    climb["search"]["rungs"] = [{"use": "narrow"}]
    search = run(climb, out=tmp_path / "run", registry=registry).summary["search"]
    assert search["best"] == 2 and search["higher_is_better"] is True
    (rung,) = search["rungs"]
    assert (rung["gained"], rung["tau"], rung["higher_is_better"]) == (5.0, -1.0, False)
    assert [told.score for told in TOLD[-3:]] == [-2.0, -5.0, -7.0]


def test_objectives_are_told_at_every_rung(registry: Registry, climb: dict[str, Any], tmp_path: Path) -> None:
    climb["search"]["objectives"] = {"toy_size": "min"}
    search = run(climb, out=tmp_path / "run", registry=registry).summary["search"]
    sizes = {told.genotype: told.objectives[1] for told in TOLD if not told.rung}
    for told in TOLD[-3:]:
        assert told.objectives == (told.genotype**2, sizes[told.genotype])
    assert [trial["genotype"] for trial in search["pareto"]] == [2, 5, 7]  # none of those below
    assert search["pareto"][0]["values"] == {"local:toy_size": -sizes[2]}


def test_the_report_says_what_rungs_cost_and_bought(
    registry: Registry, climb: dict[str, Any], tmp_path: Path
) -> None:
    run(climb, out=tmp_path / "run", registry=registry)
    report = (tmp_path / "run" / "report.html").read_text()
    text = " ".join(report.split())
    assert "<h3>Rungs</h3>" in text and "power = 2" in text
    assert "Why candidates came to rung 1" in text and "<td>even</td>" in text and "<td>odd</td>" in text
    assert "Of 3 candidates of rung 1 the strategy had said what score it expected" in text


def test_a_candidate_without_a_score_at_a_rung_cannot_win(
    registry: Registry, climb: dict[str, Any], tmp_path: Path
) -> None:
    climb["search"]["rungs"] = [{"use": "width", "bad": [7]}]
    found = run(climb, out=tmp_path / "run", registry=registry)
    search = found.summary["search"]
    assert search["best"] == 5 and search["rungs"][0]["failed"] == 1
    assert "no score for 7" in (found.rungs[2].reason or "") and found.rungs[2].score is None
    assert any("no finite score for 1 of 3" in note for note in found.summary["notes"])


def test_a_rung_that_nobody_gets_a_score_at_ends_the_search(
    registry: Registry, climb: dict[str, Any], tmp_path: Path
) -> None:
    climb["search"]["strategy"]["above"] = [2, 3, 4, 5, 6]
    climb["search"]["rungs"] = [{"use": "width", "bad": list(range(9))}]
    with pytest.raises(RunFailed, match="first 5 candidates could not be scored at rung 1; one of them"):
        run(climb, out=tmp_path / "run", registry=registry)


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ({"level": 2}, "a rung from 0 to 1"),
        ({"above": [11]}, "candidates for rung 1 that were told with a score at rung 0"),
    ],
)
def test_a_strategy_that_asks_for_what_is_not_there_is_named(
    registry: Registry, climb: dict[str, Any], tmp_path: Path, strategy: dict[str, Any], said: str
) -> None:
    climb["search"]["strategy"] |= strategy
    with pytest.raises(ComponentError, match=said) as raised:
        run(climb, out=tmp_path / "run", registry=registry)
    assert "climbing" in str(raised.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rungs": []}, "strategy climbing asks at 1 rungs above the first, and search.rungs has 0"),
        ({"strategy": {"use": "toy"}}, "search.rungs: strategy toy asks for the score of search.scorer"),
        ({"rungs": [{"use": "trained"}]}, "search.rungs.0: trained trains candidates as .* add .train."),
        ({"rungs": [{"use": "nothing"}]}, "search.rungs.0"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_search(
    registry: Registry, climb: dict[str, Any], tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    climb["search"] |= change
    with pytest.raises(RecipeError, match=said):
        run(climb, out=tmp_path / "run", registry=registry)
    assert not TOLD


def test_more_epochs_than_the_recipe_trains_are_refused(
    registry: Registry, halving: dict[str, Any], tmp_path: Path
) -> None:
    halving["train"]["epochs"] = 2
    with pytest.raises(RecipeError, match=r"search.rungs.1: trained .* 3 epochs, and train.epochs is 2"):
        run(halving, out=tmp_path / "run", registry=registry)


def test_training_goes_on_from_rung_to_rung_and_equals_one_in_a_piece(
    registry: Registry, halving: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snnplug.engine import training

    epochs: list[int] = []
    original = training._Trainer._epoch

    def counted(self: Any, epoch: int, bar: Any) -> tuple[float, float]:
        epochs.append(epoch)
        return original(self, epoch, bar)

    monkeypatch.setattr(training._Trainer, "_epoch", counted)
    found = run(halving, out=tmp_path / "run", registry=registry)
    assert epochs == [0] * 4 + [1, 2] * 2 + [3]
    best = found.summary["search"]["rungs"][1]["best"]
    curve = [epoch.val_accuracy for epoch in found.metrics]
    assert best["parts"]["accuracy"] == pytest.approx(sum(curve[1:3]) / 2)
    again = run_again(tmp_path / "run", out=tmp_path / "again", registry=registry)
    assert epochs[9:] == [0, 1, 2, 3]  # trained anew
    assert losses(tmp_path / "again") == losses(tmp_path / "run")
    assert again[0].summary["accuracy"] == found.summary["accuracy"]


def test_less_data_or_another_space_is_a_training_of_its_own(
    registry: Registry, halving: dict[str, Any], tmp_path: Path
) -> None:
    halving["search"]["rungs"][1] |= {"samples": 20, "space": {"delay": 0.001}}
    run(halving, out=tmp_path / "run", registry=registry)
    folders = [folder.name for folder in (tmp_path / "run" / "candidates").iterdir()]
    assert len(folders) == 6 and sum("-" in name for name in folders) == 2
    assert len(losses(tmp_path / "run")) == 4


def test_workers_do_not_change_the_result(
    registry: Registry, halving: dict[str, Any], tmp_path: Path
) -> None:
    run(halving, out=tmp_path / "one", registry=registry)
    halving["search"]["workers"] = 2
    run(halving, out=tmp_path / "two", registry=registry)
    one, two = outcome(tmp_path / "one"), outcome(tmp_path / "two")
    assert one["trials"] == two["trials"] and one["metrics"] == two["metrics"]
    assert one["summary"]["search"] == two["summary"]["search"]
    assert len({trial["score"] for trial in one["trials"]}) > 5


def test_a_finished_search_scores_nothing_again(
    registry: Registry, halving: dict[str, Any], tmp_path: Path
) -> None:
    before = run(halving, out=tmp_path / "run", registry=registry).summary["search"]
    (tmp_path / "run" / "summary.json").unlink()
    after = resume(tmp_path / "run", registry=registry).summary["search"]
    assert after == before  # times too


def test_no_score_at_all_above_falls_back_on_the_rung_below(
    registry: Registry, climb: dict[str, Any], tmp_path: Path
) -> None:
    climb["search"]["rungs"] = [{"use": "width", "bad": [2, 5, 7]}]
    search = run(climb, out=tmp_path / "run", registry=registry).summary["search"]
    assert search["best"] == 8 and search["rungs"][0]["best"] is None
    assert math.isclose(search["score"], 8.0)


def test_a_damaged_checkpoint_of_a_candidate_costs_its_training_alone(
    registry: Registry, halving: dict[str, Any], tmp_path: Path
) -> None:
    whole = run(halving, out=tmp_path / "whole", registry=registry)
    run(halving, out=tmp_path / "run", registry=registry)
    for name in ("checkpoint.pt", "summary.json", "metrics.jsonl", "trials-2.journal"):
        (tmp_path / "run" / name).unlink()
    for file in (tmp_path / "run" / "candidates").glob("*/checkpoint.pt"):
        file.write_bytes(file.read_bytes()[:100])
    again = resume(tmp_path / "run", registry=registry)
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")
    assert again.summary["accuracy"] == whole.summary["accuracy"]
    assert [t.score for t in again.rungs] == [t.score for t in whole.rungs]


def test_a_full_disk_stops_the_search_and_does_not_fail_its_candidates(
    registry: Registry, halving: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snnplug.runs import directory

    original = directory.write_atomically

    def full(file: Path, data: bytes) -> None:
        if "candidates" in file.parts and file.name == "checkpoint.pt":
            raise OSError(errno.ENOSPC, "no space")
        original(file, data)

    with monkeypatch.context() as patch:
        patch.setattr(directory, "write_atomically", full)
        with pytest.raises(StorageError) as raised:
            run(halving, out=tmp_path / "run", registry=registry)
    assert str(raised.value).endswith(
        f"the disk is full; what was finished is kept. Mend that, then continue "
        f"with: snnplug run --resume {tmp_path / 'run'}"
    )
    again = resume(tmp_path / "run", registry=registry)
    assert [rung["failed"] for rung in again.summary["search"]["rungs"]] == [0, 0]


def test_parameters_that_the_space_does_not_have_are_refused_before_the_search(
    registry: Registry, halving: dict[str, Any], tmp_path: Path
) -> None:
    halving["search"]["rungs"][1]["space"] = {"widht": 3}
    with pytest.raises(RecipeError, match=r"search.rungs.1.space.widht: unknown parameter"):
        run(halving, out=tmp_path / "run", registry=registry)
    assert not (tmp_path / "run" / "trials.journal").exists()


def test_why_must_be_a_text() -> None:
    with pytest.raises(TypeError, match="why"):
        Ask(3, 1, why=5)  # type: ignore[arg-type]
