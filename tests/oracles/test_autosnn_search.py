"""AutoSNN's evolution on the table of made-up accuracies and spikes that the original was run on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from snnplug import Registry, SearchSpace, Task, Trial

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def space(registry: Registry) -> SearchSpace:
    task = Task(input_shape=(3, 32, 32), classes=10, steps=8)
    found: SearchSpace = registry.create(
        "search_space", "autosnn", task, neuron=registry.use("neuron", "plif")
    )
    return found


@pytest.fixture(scope="module")
def oracle(oracles: Path) -> Any:
    return json.loads((oracles / "autosnn" / "evolution.json").read_text())


def ids(space: Any, genotype: Any) -> list[int]:
    return [space.blocks.index(name) for name in space.read(genotype)]


def table(space: Any, oracle: Any, power: float) -> dict[str, float]:
    """Return the fitness of every network."""
    gains, costs = oracle["table"]["A"], oracle["table"]["S"]
    average = oracle["settings"]["avg_num_spikes"]
    found = {}
    for genotype in space.genotypes():
        chosen = ids(space, genotype)
        accuracy = 0.6 + sum(gains[one] * (place + 1) for place, one in enumerate(chosen)) / 3
        spikes = 20000 * (1 + sum(costs[one] for one in chosen))
        found[genotype] = accuracy * (spikes / average) ** power
    return found


def search(registry: Registry, space: Any, fitness: dict[str, float], seed: int, draws: int) -> list[Trial]:
    strategy = registry.create("strategy", "spike_aware_evolution", space, seed, draws=draws)
    trials: list[Trial] = []
    while genotypes := strategy.ask(20):
        told = [
            Trial(index=len(trials) + i, genotype=g, key=space.key(g), score=fitness[g])
            for i, g in enumerate(genotypes)
        ]
        strategy.tell(told)
        trials += told
    return trials


@pytest.mark.parametrize("power", [-0.08])
def test_the_five_best_are_those_of_the_original(space: Any, oracle: Any, power: float) -> None:
    fitness = table(space, oracle, power)
    best = sorted(fitness, key=lambda genotype: -fitness[genotype])[:5]
    expected = oracle["true_optimum_top5"][str(power)]
    assert [ids(space, genotype) for genotype in best] == [one["tbd_ids"] for one in expected]
    for genotype, one in zip(best, expected, strict=True):
        assert math.isclose(fitness[genotype], one["fitness"], rel_tol=1e-12)


@pytest.mark.parametrize(
    ("draws", "seeds", "at_least"),
    [
        (200, 40, 32),
        (400, 20, 20),
        pytest.param(200, 1000, 930, marks=pytest.mark.slow),
        pytest.param(400, 200, 200, marks=pytest.mark.slow),
    ],
)
def test_the_optimum_is_found(
    registry: Registry, space: Any, oracle: Any, draws: int, seeds: int, at_least: int
) -> None:
    fitness = table(space, oracle, -0.08)
    best, found = max(fitness.values()), 0
    for seed in range(seeds):
        trials = search(registry, space, fitness, seed, draws)
        assert len({trial.key for trial in trials}) == len(trials) == draws
        found += max(trial.score for trial in trials) == best
    assert found >= at_least


def test_numbers_of_the_published_code_are_read(space: Any, oracle: Any) -> None:
    assert len(oracle["arch_id_decoding"]) > 5
    for case in oracle["arch_id_decoding"]:
        digits = [case["arch_id"] // 5**place % 5 for place in range(5)]
        assert ids(space, case["block_ids"]) == digits
