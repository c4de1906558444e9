"""Networks that are trained as the run's own is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import torch

import snnplug
from snnplug import Run, run
from snnplug.engine.answers import answers
from snnplug.engine.parts import make_parts
from snnplug.errors import RecipeError, RunFailed
from snnplug.recipe.plan import make_plan
from snnplug.runs.figures import figures
from snnplug.runs.reading import Records
from snnplug.statistics.intervals import paired_difference


@pytest.fixture
def recipe(toy_recipe: dict[str, Any]) -> dict[str, Any]:
    compare = {"random": 2, "architectures": [{"use": "toy", "width": 3}]}
    return {**toy_recipe, "train": {**toy_recipe["train"], "epochs": 2, "compare": compare}}


@pytest.fixture
def done(recipe: dict[str, Any], toy_registry: Any, tmp_path: Path) -> Run:
    return run(recipe, out=tmp_path / "run", registry=toy_registry)


def rivals(done: Run) -> tuple[Any, ...]:
    assert done.result is not None and done.result.comparison is not None
    return done.result.comparison.rivals


def test_rows_are_the_found_one_then_drawn_ones_then_those_made_by_hand(done: Run) -> None:
    rows = rivals(done)
    hows = ["found by the search", "drawn by chance (1)", "drawn by chance (2)", "made by hand: toy"]
    assert [row.how for row in rows] == hows
    assert done.result is not None and done.result.stages == (
        "search",
        "train",
        "train.compare",
        "measure",
        "report",
    )
    assert len({row.parameters for row in rows[:3]}) == 3  # the found one is not drawn again, nor one twice
    assert rows[3].parameters == 16 * 3 + 3 + 3 * 2 + 2
    assert done.result.accuracy is not None and rows[0].accuracy == done.result.accuracy.test
    assert rows[0].parameters == done.result.parameters
    assert all(row.energy and row.spikes is not None for row in rows)


def test_random_search_is_the_drawn_one_with_the_best_validation(done: Run) -> None:
    assert done.result is not None and done.result.comparison is not None
    found = done.result.comparison
    assert found.drawn == found.rivals[1:3]
    chosen = max(found.drawn, key=lambda rival: rival.val)
    assert found.random_search == chosen
    assert figures(done.result)["accuracy, best of 2 by validation"].value == chosen.accuracy


def test_difference_is_between_answers_to_the_same_samples(done: Run, toy_registry: Any) -> None:
    rows = rivals(done)
    own = done.predictor()
    parts = make_parts(make_plan(done.recipe, toy_registry), torch.device("cpu"))
    assert parts.space is not None
    right = answers(parts, own.model, parts.splits.test, "test", 32).right
    assert sum(right) / len(right) == rows[0].accuracy
    for row in rows[1:]:
        drawn = isinstance(row.genotype, int)
        by_hand = parts.plan["train.compare.architectures.0"]
        network = parts.space.build(row.genotype) if drawn else by_hand.build(parts.task)
        state = torch.load(done.directory / f"checkpoint-{row.name}.pt", weights_only=True)["model"]
        network.load_state_dict(state)
        theirs = answers(parts, network, parts.splits.test, "test", 32).right
        expected = paired_difference(right, theirs)
        assert (row.difference, row.low, row.high) == (expected.value, expected.low, expected.high)


def test_found_network_is_trained_as_without_a_comparison(
    done: Run, toy_recipe: dict[str, Any], toy_registry: Any, tmp_path: Path
) -> None:
    alone = run(toy_recipe, out=tmp_path / "alone", registry=toy_registry, overrides=["train.epochs=2"])
    before, now = alone.model().state_dict(), done.model().state_dict()
    assert all(torch.equal(before[name], value) for name, value in now.items())


def test_stopped_comparison_goes_on_to_an_equal_result(
    done: Run, recipe: dict[str, Any], toy_registry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snnplug.engine import rivals as module

    real, calls = module.train, []

    def stop(*arguments: Any) -> Any:
        calls.append(arguments[4])
        if len(calls) == 3:
            raise RunFailed("stopped")
        return real(*arguments)

    monkeypatch.setattr(module, "train", stop)
    with pytest.raises(RunFailed):
        run(recipe, out=tmp_path / "stopped", registry=toy_registry)
    monkeypatch.undo()
    again = snnplug.resume(tmp_path / "stopped", registry=toy_registry)
    before, now = ([attrs.evolve(row, seconds=None) for row in rivals(one)] for one in (done, again))
    assert now == before


def test_answers_of_every_test_sample_are_kept(done: Run) -> None:
    found = Records.read(done.directory).answers
    assert found is not None and done.result is not None and done.result.accuracy is not None
    right = sum(label == said for label, said in zip(found.labels, found.said, strict=True))
    assert right / len(found.labels) == done.result.accuracy.test == found.by_step[-1]
    assert sum(map(sum, found.confusion())) == len(found.labels)
    assert done.result.interval is not None
    low, high = done.result.interval
    assert low is not None and high is not None and low < done.result.accuracy.test <= high


@pytest.mark.parametrize(
    ("compare", "said"),
    [
        ({"random": -1}, "train.compare.random"),
        ({"architectures": ["nothing"]}, "train.compare.architectures.0.use: unknown architecture"),
        ({"architectures": [{"use": "toy", "wdth": 3}]}, "Did you mean 'width'"),
        ({"randm": 1}, "train.compare"),
    ],
)
def test_wrong_comparisons_are_refused_before_the_start(
    recipe: dict[str, Any], toy_registry: Any, tmp_path: Path, compare: dict[str, Any], said: str
) -> None:
    recipe["train"]["compare"] = compare
    with pytest.raises(RecipeError, match=said):
        run(recipe, out=tmp_path / "run", registry=toy_registry)
    assert not (tmp_path / "run").exists()


def test_candidates_need_a_search(toy_recipe: dict[str, Any], toy_registry: Any, tmp_path: Path) -> None:
    del toy_recipe["search"]
    toy_recipe |= {"architecture": {"use": "toy"}}
    toy_recipe["train"]["compare"] = {"random": 1}
    with pytest.raises(RecipeError, match=r"train\.compare\.random: candidates are drawn"):
        run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    toy_recipe["train"]["compare"] = {"architectures": ["toy"]}
    done = run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    first, second = rivals(done)
    assert (first.how, second.how, second.difference) == ("of the recipe", "made by hand: toy", 0.0)


def test_own_network_is_asked_once(
    recipe: dict[str, Any], toy_registry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snnplug.engine import answers as module
    from snnplug.engine import rivals as by_contest

    asked: list[Any] = []

    def count(parts: Any, model: Any, *rest: Any) -> Any:
        asked.append(model)
        return answers(parts, model, *rest)

    monkeypatch.setattr(module, "answers", count)
    monkeypatch.setattr(by_contest, "answers", count)
    run(recipe, out=tmp_path / "run", registry=toy_registry)
    assert len(asked) == 4 == len(set(map(id, asked)))  # the found one and three others


def test_drawn_candidates_keep_to_the_limits_of_the_search(
    recipe: dict[str, Any], toy_registry: Any, tmp_path: Path
) -> None:
    recipe["search"]["limits"] = {"parameters": 16 * 4 + 4 + 4 * 2 + 2}  # widths 1 to 4
    recipe["train"]["compare"] = {"random": 5}
    done = run(recipe, out=tmp_path / "run", registry=toy_registry)
    widths = [row.genotype for row in rivals(done)]
    assert sorted(widths) == [1, 2, 3, 4]
    assert done.result is not None and done.result.notes is not None
    assert "train.compare: 2 candidates fewer than asked for; the space has no others" in done.result.notes
