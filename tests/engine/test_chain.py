"""Candidates of a supernet that share what they have in common: whatever is kept, the scores are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from inheriting import RECIPE
from inheriting import registry as tiny_registry

import snnplug
from snnplug.engine.parts import make_parts
from snnplug.engine.supernet import build_supernet, shared_chain
from snnplug.errors import ComponentError
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe

SEARCH: dict[str, Any] = {
    "space": {"use": "autosnn", "channels": 4, "macro": [4, "m", 6]},
    "strategy": {"use": "exhaustive"},
    "scorer": {"use": "spike_aware_fitness", "samples": 33, "batch_size": 20},
    "baselines": False,
    "supernet": {"epochs": 2, "batch_size": 64, "paths": 2, "optimizer": {"use": "adam", "lr": 0.02}},
}


def recipe(trained: Path, scorer: dict[str, Any], **search: Any) -> dict[str, Any]:
    taken = {"from": str(trained)} if trained.exists() else {}
    return {
        "dataset": {"use": "digits"},
        "encoder": {"use": "direct", "steps": 2},
        "neuron": {"use": "imp", "base": {"use": "lif", "threshold": 0.2}},
        "search": {
            **SEARCH,
            **search,
            "scorer": SEARCH["scorer"] | scorer,
            "supernet": SEARCH["supernet"] | taken,
        },
        "loss": {"use": "rate_ce"},
    }


def scores(directory: Path) -> Any:
    trials = snnplug.load(directory).trials
    return {trial.key: (trial.score, dict(trial.parts or {})) for trial in trials}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A supernet of networks with learnable initial potentials, and all of them scored whole."""
    directory = tmp_path_factory.mktemp("chain") / "whole"
    snnplug.run(recipe(directory, {"shared_bytes": 0}), out=directory)
    return directory


@pytest.mark.parametrize(
    "search",
    [
        {},
        {"strategy": {"use": "spike_aware_evolution", "draws": 40}},
        pytest.param({"workers": 2}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_scores_are_those_of_whole_networks(search: Any, found: Path, tmp_path: Path) -> None:
    snnplug.run(recipe(found, {}, **search), out=tmp_path / "run")
    expected = scores(found)
    assert len(expected) == 25
    assert len({score for score, _ in expected.values()}) > 10
    assert scores(tmp_path / "run") == expected


def test_a_chain_that_is_none_is_the_spaces_fault() -> None:
    parts = make_parts(make_plan(Recipe.from_dict(RECIPE), tiny_registry()), torch.device("cpu"))
    supernet: Any = build_supernet(parts)
    genotype = {"layers": ["conv1", "conv3"]}
    chain = shared_chain(parts, supernet, genotype)
    assert chain is not None
    assert [name for name, _ in chain] == ["0 conv1", "1 conv3", "head True"]
    supernet.chain = lambda genotype: ["stem"]
    with pytest.raises(ComponentError, match=r"search space .*tiny.* gave .*; expected a chain of parts"):
        shared_chain(parts, supernet, genotype)
    supernet.chain = None
    assert shared_chain(parts, supernet, genotype) is None
