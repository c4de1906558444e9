"""Objectives of a search beside its score: recorded, told to the strategy, and the front in the summary."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import pytest
import toys
from annotated_types import Ge

from snnplug import ScorerSpec, StrategySpec, replay, run
from snnplug.errors import RecipeError

TOLD: list[Any] = []


class Listening(toys.ToyRandom):
    """Keeps what it is told."""

    def tell(self, trials: Any) -> None:
        TOLD.extend(trials)


@pytest.fixture
def recipe(toy_registry: Any, toy_recipe: dict[str, Any]) -> dict[str, Any]:
    toy_registry.register(StrategySpec(name="listening", target=Listening, summary="Keeps."))
    del toy_recipe["train"]
    toy_recipe["search"] |= {"strategy": {"use": "listening"}, "objectives": {"toy_size": "min"}}
    TOLD.clear()
    return toy_recipe


def test_front_is_in_the_summary_and_best_stays_the_highest_score(
    toy_registry: Any, recipe: dict[str, Any], tmp_path: Path
) -> None:
    recipe["search"]["baselines"] = False
    search = run(recipe, out=tmp_path / "run", registry=toy_registry).summary["search"]
    trials = json.loads((tmp_path / "run" / "trials.json").read_text())
    assert search["objectives"] == {"local:toy_size": "min"}
    assert search["score"] == max(trial["score"] for trial in trials)
    points = {t["index"]: (t["score"], -t["values"]["local:toy_size"]) for t in trials}
    expected = [
        i
        for i, (score, size) in points.items()
        if not any(a >= score and b >= size and (a, b) != (score, size) for a, b in points.values())
    ]
    assert [trial["index"] for trial in search["pareto"]] == expected
    assert 1 < len(expected) <= len(trials)
    assert set(search["pareto"][0]) == {"index", "genotype", "key", "score", "values"}
    assert replay(tmp_path / "run", out=tmp_path / "again", registry=toy_registry).identical


def test_strategy_is_told_what_to_maximise(toy_registry: Any, recipe: dict[str, Any], tmp_path: Path) -> None:
    toy_registry.register(
        ScorerSpec(name="backwards", target=toys.ToyScorer, summary="Low.", higher_is_better=False)
    )
    recipe["search"]["scorer"] = {"use": "backwards"}
    recipe["search"]["objectives"]["toy"] = "max"
    run(recipe, out=tmp_path / "run", registry=toy_registry)
    trials = {t["key"]: t for t in json.loads((tmp_path / "run" / "trials.json").read_text())}
    assert len(TOLD) == 20
    for told in TOLD:
        values = trials[told.key]["values"]
        assert told.score == -trials[told.key]["score"]
        assert told.objectives == (told.score, -values["local:toy_size"], values["local:toy"])


def test_without_objectives_nothing_is_told(
    toy_registry: Any, recipe: dict[str, Any], tmp_path: Path
) -> None:
    del recipe["search"]["objectives"]
    search = run(recipe, out=tmp_path / "run", registry=toy_registry).summary["search"]
    assert search["pareto"] == []
    assert {told.objectives for told in TOLD} == {()}


@pytest.mark.parametrize(
    ("objectives", "said"),
    [({"picky": "max"}, "picky"), ({"mine": {"use": "picky", "goal": "max"}}, "picky as mine")],
)
def test_a_failed_objective_is_no_number_and_off_the_front(
    objectives: Any, said: str, toy_registry: Any, recipe: dict[str, Any], tmp_path: Path
) -> None:
    toy_registry.register(ScorerSpec(name="picky", target=Picky, summary="Fails."))
    recipe["search"]["objectives"] = objectives
    summary = run(recipe, out=tmp_path / "run", registry=toy_registry).summary
    search = summary["search"]
    assert any(f":{said} has no finite score" in note for note in summary["notes"])
    failed = [told for told in TOLD if told.genotype > 6]
    assert failed
    assert all(math.isnan(told.objectives[1]) for told in failed)
    assert all(trial["genotype"] <= 6 for trial in search["pareto"])


class Picky:
    """Fails for wide networks."""

    def __call__(self, candidate: Any) -> float:
        if candidate.genotype > 6:
            raise RuntimeError
        return float(candidate.genotype)


def scaled(candidate: Any, *, scale: Annotated[float, Ge(0)] = 1.0, by: Any = None) -> float:
    """Return so many times the genotype, less what another scorer says of it."""
    return scale * candidate.genotype - (by.build()(candidate) if by else 0.0)


SCALED = ScorerSpec(name="scaled", target=scaled, summary="Scaled.", components={"by": "scorer"})


def test_objective_has_parameters_beside_its_goal(
    toy_registry: Any, recipe: dict[str, Any], tmp_path: Path
) -> None:
    toy_registry.register(SCALED)
    recipe["search"]["objectives"]["scaled"] = {"goal": "max", "scale": 3.0, "by": "toy_size"}
    done = run(
        recipe, out=tmp_path / "run", registry=toy_registry, overrides=["search.objectives.scaled.scale=5.0"]
    )
    for trial in done.trials:
        values = trial.values
        assert values["local:scaled"] == 5.0 * trial.genotype - values["local:toy_size"]
    assert done.summary["search"]["objectives"] == {"local:toy_size": "min", "local:scaled": "max"}
    resolved = json.loads((tmp_path / "run" / "resolved.json").read_text())["recipe"]["search"]["objectives"]
    by = {"use": "local:toy_size"}
    assert resolved == {"local:toy_size": "min", "local:scaled": {"goal": "max", "scale": 5.0, "by": by}}
    assert replay(tmp_path / "run", out=tmp_path / "again", registry=toy_registry).identical


def test_objective_that_is_a_baseline_is_scored_once_with_its_parameters(
    toy_registry: Any, recipe: dict[str, Any], tmp_path: Path
) -> None:
    seen: list[float] = []

    def counted(candidate: Any, *, scale: float = 1.0) -> float:
        """Return so many times the genotype."""
        seen.append(scale)
        return scale * candidate.genotype

    toy_registry.register(ScorerSpec(name="counted", target=counted, summary="Counted.", baseline=True))
    recipe["search"] |= {"baselines": True, "objectives": {"counted": {"goal": "min", "scale": 3.0}}}
    done = run(recipe, out=tmp_path / "run", registry=toy_registry)
    assert seen == [3.0] * len(done.trials)
    assert all(trial.values["local:counted"] == 3.0 * trial.genotype for trial in done.trials)


def test_one_scorer_is_two_objectives_under_their_own_names(
    toy_registry: Any, recipe: dict[str, Any], tmp_path: Path
) -> None:
    toy_registry.register(SCALED)
    recipe["search"]["objectives"] = {
        "twice": {"use": "scaled", "goal": "min", "scale": 2.0},
        "scaled": {"goal": "max", "scale": 3.0},
        "size": {"use": "toy_size", "goal": "min"},  # which is a baseline too
    }
    changed = ["search.objectives.twice.scale=4.0"]
    done = run(recipe, out=tmp_path / "run", registry=toy_registry, overrides=changed)
    for trial in done.trials:
        values = trial.values
        assert (values["twice"], values["local:scaled"]) == (4.0 * trial.genotype, 3.0 * trial.genotype)
        assert values["size"] == values["local:toy_size"]
    assert done.summary["search"]["objectives"] == {"twice": "min", "local:scaled": "max", "size": "min"}
    assert TOLD
    assert all(told.objectives[1:3] == (-4.0 * told.genotype, 3.0 * told.genotype) for told in TOLD)
    assert not done.summary.get("notes")  # none has failed, by whichever name it is counted
    resolved = json.loads((tmp_path / "run" / "resolved.json").read_text())["recipe"]["search"]["objectives"]
    assert resolved == {
        "twice": {"goal": "min", "use": "local:scaled", "scale": 4.0},
        "local:scaled": {"goal": "max", "scale": 3.0},
        "size": {"goal": "min", "use": "local:toy_size"},
    }
    assert replay(tmp_path / "run", out=tmp_path / "again", registry=toy_registry).identical


def test_scorer_of_the_search_is_an_objective_with_other_parameters(
    toy_registry: Any, recipe: dict[str, Any], tmp_path: Path
) -> None:
    toy_registry.register(SCALED)
    recipe["search"] |= {
        "scorer": {"use": "scaled"},
        "objectives": {"other": {"use": "scaled", "goal": "min", "scale": 2.0}},
    }
    done = run(recipe, out=tmp_path / "run", registry=toy_registry)
    assert all(trial.values["other"] == 2.0 * trial.score for trial in done.trials)


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        ({"toy_sise": "min"}, r"search\.objectives\.toy_sise.*Did you mean 'toy_size'"),
        ({"toy_size": "lowest"}, r"search\.objectives.*'lowest' is not one of 'min', 'max'"),
        ({"toy": "max"}, r"search\.objectives\.toy: it is the scorer of the search already"),
        ({"toy_size": "min", "local:toy_size": "max"}, r"local:toy_size: it is named twice"),
        (["toy_size"], r"search\.objectives"),
        ({"toy_size": {"goal": "most"}}, r"search\.objectives.*'most' is not one of 'min', 'max'"),
        ({"toy_size": {"scale": 2.0}}, r"search\.objectives.*'goal' is missing; give one of 'min', 'max'"),
        (
            {"large": {"goal": "min", "use": "toy_sise"}},
            r"search\.objectives\.large.*Did you mean 'toy_size'",
        ),
        ({"large": {"goal": "min", "use": "toy"}}, r"large: it is the scorer of the search already"),
        ({"large": {"goal": "min", "use": "toy_size"}, "toy_size": "min"}, r"toy_size: it is named twice"),
        ({"toy_size": "min", "large": {"goal": "max", "use": "toy_size"}}, r"large: it is named twice"),
        ({"toy_size": {"goal": "min", "use": "scaled"}}, r"toy_size: beside 'use' a name has no ':'"),
        ({"toy": {"goal": "min", "use": "scaled"}}, r"toy: beside 'use' a name has no ':'"),
        (
            {
                "scaled": "max",
                "local:toy_size": "min",
                "toy_size": {"goal": "min", "use": "scaled", "scale": 2.0},
            },
            r"toy_size: beside 'use' a name has no ':'",
        ),
        ({"a:b": {"goal": "min", "use": "scaled"}}, r"a:b: beside 'use' a name has no ':'"),
        (
            {"large": {"goal": "min", "use": "scaled", "scal": 2.0}},
            r"objectives\.large.*Did you mean 'scale'",
        ),
        ({"toy_size": {"goal": 1}}, r"search\.objectives.*1 is not one of 'min', 'max'"),
        ({"scaled": {"goal": "min", "scal": 2.0}}, r"search\.objectives\.scaled.*Did you mean 'scale'"),
        ({"scaled": {"goal": "min", "scale": -2.0}}, r"search\.objectives\.scaled\.scale must be at least 0"),
    ],
)
def test_wrong_objectives_are_refused(
    objectives: Any, message: str, toy_registry: Any, recipe: dict[str, Any], tmp_path: Path
) -> None:
    toy_registry.register(SCALED)
    recipe["search"]["objectives"] = objectives
    with pytest.raises(RecipeError, match=message) as refused:
        run(recipe, out=tmp_path / "run", registry=toy_registry)
    assert len(refused.value.problems) == 1
