"""Spike-aware evolution on the spaces there are, with and without a supernet: it asks whatever the round."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import supernets
from outcomes import TIMES

import snnplug
from snnplug import Registry

SNASNET = {"use": "snasnet", "channels": 4}
AUTOSNN: dict[str, Any] = supernets.RECIPE["search"]["space"]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.from_installed(quiet=True)


def recipe_of(space: dict[str, Any], scorer: str, recalibrate: int = 0, **search: Any) -> dict[str, Any]:
    """Return the small recipe with another space, scorer and settings of the search."""
    recipe = copy.deepcopy(supernets.RECIPE)
    del recipe["train"]
    recipe["search"].update(space=space, scorer={"use": scorer}, **search)
    if scorer == "sahd":
        del recipe["search"]["supernet"]
        return recipe
    recipe["search"]["scorer"]["recalibrate"] = recalibrate
    if space["use"] == "snasnet":
        recipe["search"]["supernet"]["epochs"] = 1
    return recipe


def found(directory: Path) -> Any:
    """Return every trial of a run without its time, and the best."""
    trials = json.loads((directory / "trials.json").read_text())
    for trial in trials:
        del trial["seconds"]
    return trials, json.loads((directory / "summary.json").read_text())["search"]["best"]


@pytest.mark.parametrize("scorer", ["sahd", pytest.param("spike_aware_fitness", marks=pytest.mark.slow)])
def test_it_searches_cells_of_snasnet(scorer: str, registry: Registry, tmp_path: Path) -> None:
    recipe = recipe_of(SNASNET, scorer)
    recipe["train"] = {"epochs": 1, "batch_size": 128}
    done = snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    assert ("search.supernet" in done.summary["stages"]) == (scorer != "sahd")
    assert len(done.trials) == len({trial.key for trial in done.trials}) == 16
    assert done.summary["search"]["draws"] == 16  # nothing was asked for twice
    best = max(done.trials, key=lambda trial: trial.score)
    assert done.summary["search"]["best"] == best.genotype
    assert done.summary["epochs"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space", "scorer", "recalibrate"),
    [
        (SNASNET, "sahd", 0),
        (SNASNET, "spike_aware_fitness", 0),
        (AUTOSNN, "spike_aware_fitness", 0),
        (AUTOSNN, "spike_aware_fitness", 2),
    ],
    ids=["snasnet-sahd", "snasnet-supernet", "autosnn-supernet", "autosnn-recalibrated"],
)
def test_neither_the_round_nor_the_workers_matter(
    space: dict[str, Any], scorer: str, recalibrate: int, registry: Registry, tmp_path: Path
) -> None:
    shared: dict[str, Any] = {}

    def search(name: str, **settings: Any) -> Any:
        recipe = recipe_of(space, scorer, recalibrate, **settings)
        if shared:
            recipe["search"]["supernet"].update(shared)
        snnplug.run(recipe, out=tmp_path / name, registry=registry)
        if scorer != "sahd":
            shared.update({"from": str(tmp_path / name)})
        return found(tmp_path / name)

    whole = search("whole", round_size=16)
    assert len(whole[0]) == 16
    assert len({trial["score"] for trial in whole[0]}) > 4
    assert search("one", round_size=1) == whole
    assert search("seven", round_size=7) == whole
    assert search("workers", round_size=7, workers=2) == whole


@pytest.mark.slow
def test_the_whole_run_is_the_same_with_two_workers(registry: Registry, tmp_path: Path) -> None:
    one = copy.deepcopy(supernets.RECIPE)
    two = copy.deepcopy(one)
    two["search"]["workers"] = 2
    for name, recipe in (("one", one), ("two", two)):
        snnplug.run(recipe, out=tmp_path / name, registry=registry)
    assert found(tmp_path / "two") == found(tmp_path / "one")
    metrics = [
        [
            {k: v for k, v in json.loads(line).items() if k not in TIMES}
            for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        ]
        for name in ("one", "two")
    ]
    assert metrics[0] == metrics[1]


def test_it_ends_where_the_space_has_no_more(registry: Registry, tmp_path: Path) -> None:
    space = {"use": "autosnn", "channels": 4, "macro": [4, "m", 8], "blocks": ["skip", "SCB_k3"]}
    recipe = recipe_of(space, "spike_aware_fitness")
    recipe["search"]["strategy"]["draws"] = 100
    done = snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    assert len(done.trials) == 4
    assert done.summary["search"]["draws"] == 4
