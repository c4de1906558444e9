"""Networks made by hand, scored beside a search: they cannot win, and no strategy hears of them."""

from __future__ import annotations

import copy
import json
import math
import tomllib
from pathlib import Path
from typing import Any

import handmade
import inheriting
import pytest
import toys
from handmade import parameters, recipe
from stopping import stopped_after

import snnplug
from snnplug import ScorerSpec
from snnplug.errors import RecipeError
from snnplug.runs.reading import structure
from snnplug.runs.records import SearchRecord, TrialRecord

BY_HAND = {"all wide": 10, "narrow": 1}


def references(run: snnplug.Run) -> dict[str, TrialRecord]:
    assert run.result is not None
    assert run.result.search is not None
    return dict(run.result.search.references)


def test_they_are_scored_and_cannot_win(tmp_path: Path) -> None:
    data = recipe(3, 4, references=BY_HAND, baselines=True)
    done = snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    assert handmade.asked == [10, 1, 3, 4]
    assert [trial.genotype for trial in handmade.told] == [3, 4]
    assert done.summary["search"]["best"] == 4
    assert [trial.genotype for trial in done.trials] == [3, 4]
    found = references(snnplug.load(tmp_path / "run", registry=handmade.registry()))
    assert list(found) == ["all wide", "narrow"]
    wide = found["all wide"]
    assert (wide.genotype, wide.score, wide.index, wide.draws, wide.reason) == (10, 10.0, None, 0, None)
    assert wide.values == {"local:toy_size": parameters(10)}
    assert len(handmade.journal(tmp_path / "run")[0]) == 4


def test_what_a_search_finds_is_the_same_with_and_without_them(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    del toy_recipe["train"]
    snnplug.run(toy_recipe, out=tmp_path / "without", registry=toy_registry)
    toy_recipe["search"]["references"] = {"five": 5, "seven": 7}
    with_them = snnplug.run(toy_recipe, out=tmp_path / "with", registry=toy_registry)
    trials = [json.loads((tmp_path / name / "trials.json").read_text()) for name in ("with", "without")]
    for trial in (*trials[0], *trials[1]):
        del trial["seconds"]
    assert trials[0] == trials[1]
    drawn = {trial["genotype"]: trial["score"] for trial in trials[0]}
    assert {
        record.genotype: record.score for record in references(with_them).values()
    }.items() <= drawn.items()


def test_one_that_is_drawn_too_is_scored_once(tmp_path: Path) -> None:
    data = recipe(12, 3, 3, references={"widest": 11, "the same": 12, "three": 3})
    done = snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    assert handmade.asked == [11, 3]  # 11 and 12 are one network
    assert [trial.genotype for trial in handmade.told] == [12, 3, 3]  # as the strategy has asked
    assert [trial.genotype for trial in done.trials] == [12, 3]
    found = references(done)
    assert [found[name].genotype for name in ("widest", "the same", "three")] == [11, 12, 3]
    assert [found[name].score for name in ("widest", "the same", "three")] == [11.0, 11.0, 3.0]
    assert [found[name].draws for name in ("widest", "the same", "three")] == [1, 1, 2]
    assert [trial.index for trial in done.trials] == [0, 1]
    assert done.summary["search"]["score"] == 11.0  # drawn, it may win


def test_a_resumed_run_does_not_score_them_again(tmp_path: Path) -> None:
    data = recipe(3, 4, references=BY_HAND)
    whole = snnplug.run(data, out=tmp_path / "whole", registry=handmade.registry())
    for stop in (1, 2, 3):
        with stopped_after(stop):
            snnplug.run(data, out=tmp_path / f"{stop}", registry=handmade.registry())
        handmade.asked.clear()
        again = snnplug.resume(tmp_path / f"{stop}", registry=handmade.registry())
        assert handmade.asked == [10, 1, 3, 4][stop:]
        assert handmade.journal(tmp_path / f"{stop}") == handmade.journal(tmp_path / "whole")
        scores = [{name: one.score for name, one in references(run).items()} for run in (whole, again)]
        assert scores[0] == scores[1] == {"all wide": 10.0, "narrow": 1.0}
    handmade.asked.clear()
    snnplug.resume(tmp_path / "whole", registry=handmade.registry())
    assert handmade.asked == []


def test_one_that_fails_is_a_note(tmp_path: Path) -> None:
    data = recipe(3, 4, bad=[10], references=BY_HAND)
    done = snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    (note,) = done.summary["notes"]
    assert note.startswith("search.references.all wide has no score: scorer local:wide raised RuntimeError: ")
    assert references(done)["all wide"].score is None
    assert "no score for 10" in str(references(done)["all wide"].reason)
    assert references(done)["narrow"].score == 1.0
    handmade.asked.clear()
    snnplug.resume(tmp_path / "run", registry=handmade.registry(), retry_failed=True)
    assert handmade.asked == [10]


def test_one_that_fails_and_is_beyond_a_limit_has_failed(tmp_path: Path) -> None:
    data = recipe(10, 3, bad=[10], references=BY_HAND, limits={"neurons": 6})
    done = snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    assert "search.references.all wide has no score" in " ".join(done.summary["notes"])
    assert done.summary["search"]["refused"] == 1
    handmade.asked.clear()
    snnplug.resume(tmp_path / "run", registry=handmade.registry(), retry_failed=True)
    assert handmade.asked == [10]


def test_failing_ones_do_not_end_a_search(tmp_path: Path) -> None:
    by_hand = {f"number {width}": width for width in range(1, 7)}
    data = recipe(9, bad=range(1, 7), references=by_hand)
    done = snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    assert done.summary["search"]["best"] == 9
    assert len(done.summary["notes"]) == 6


def test_limits_are_for_what_is_drawn(tmp_path: Path) -> None:
    data = recipe(10, 3, references=BY_HAND, limits={"parameters": parameters(6)})
    done = snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    wide = references(done)["all wide"]
    assert (wide.score, wide.reason, wide.beyond) == (10.0, None, {"parameters": parameters(10)})
    assert references(done)["narrow"].beyond is None
    assert (done.summary["search"]["best"], done.summary["search"]["refused"]) == (3, 1)
    assert math.isnan(handmade.told[0].score)
    drawn = done.trials[0]
    assert (drawn.genotype, drawn.score, drawn.reason) == (10, None, "192 parameters, the limit is 116")
    handmade.asked.clear()
    snnplug.resume(tmp_path / "run", registry=handmade.registry(), retry_failed=True)
    assert handmade.asked == []


def test_workers_score_them_too(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    del toy_recipe["train"]
    toy_recipe["search"] |= {"references": {"five": 5, "seven": 7}, "limits": {"neurons": 6}}
    snnplug.run(toy_recipe, out=tmp_path / "one", registry=toy_registry)
    toy_recipe["search"]["workers"] = 2
    snnplug.run(toy_recipe, out=tmp_path / "two", registry=toy_registry)
    assert handmade.journal(tmp_path / "one") == handmade.journal(tmp_path / "two")


def test_they_inherit_as_candidates_do(tmp_path: Path) -> None:
    data = copy.deepcopy(inheriting.RECIPE)
    del data["train"]
    by_hand = {"layers": ["conv3", "conv3"]}
    data["search"] |= {"references": {"large": by_hand}, "limits": {"neurons": 10**6, "memory": 100}}
    data["search"]["supernet"] |= {"epochs": 1}
    done = snnplug.run(data, out=tmp_path / "run", registry=inheriting.registry())
    large = references(done)["large"]
    assert (large.genotype, set(large.parts or {})) == (by_hand, {"accuracy", "spikes"})
    (drawn,) = [trial for trial in done.trials if trial.key == large.key]
    assert (drawn.score, drawn.parts) == (large.score, large.parts)
    text = tomllib.loads((tmp_path / "run" / "recipe.toml").read_text())
    assert text["search"]["references"] == {"large": by_hand}


@pytest.mark.slow
def test_one_that_takes_too_long_is_a_note(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    del toy_recipe["train"]
    toy_registry.register(ScorerSpec(name="laggard", target=toys.ToyLaggard, summary="Slow at 5."))
    toy_recipe["search"] |= {"references": {"five": 5}, "timeout": 10.0, "scorer": {"use": "laggard"}}
    toy_recipe["search"]["strategy"] = {"use": "toy", "draws": 1}
    done = snnplug.run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    note = "search.references.five has no score: it took longer than search.timeout = 10 s"
    assert note in done.summary["notes"]


def test_what_is_no_genotype_is_refused_before_the_start(tmp_path: Path) -> None:
    data = recipe(3, references={"a text": "wide", "fine": 3, "a list": [1]})
    with pytest.raises(RecipeError) as refused:
        snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    text, listed = refused.value.problems
    assert text.startswith("search.references.a text: search space local:toy raised TypeError: ")
    assert listed.startswith("search.references.a list: search space local:toy raised TypeError: ")
    assert not (tmp_path / "run").exists()


def test_one_that_cannot_be_built_is_refused_before_the_start() -> None:
    with pytest.raises(RecipeError, match=r"search\.references\.none: search space local:toy raised Run"):
        snnplug.run(recipe(3, references={"none": -1}), registry=handmade.registry())


def test_old_summaries_have_none() -> None:
    record = structure({"draws": 3, "evaluated": 3, "score": 1.0}, SearchRecord)
    assert (record.references, record.refused) == ({}, None)
