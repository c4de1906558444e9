from __future__ import annotations

import math
import random

import pytest
from snnplug_strategies.spike_aware import SpikeAwareEvolution

from snnplug import Trial

PLACES, CHOICES = 4, 4


class Digits:
    """Texts of digits; the score of one is their sum."""

    def sample(self, rng):
        return "".join(str(rng.randrange(CHOICES)) for _ in range(PLACES))

    def mutate(self, genotype, rng):
        place = rng.randrange(PLACES)
        return f"{genotype[:place]}{rng.randrange(CHOICES)}{genotype[place + 1 :]}"

    def crossover(self, one, other, rng):
        cut = rng.randrange(1, PLACES)
        return one[:cut] + other[cut:]

    def key(self, genotype):
        return genotype


def search(strategy, chunk, score=lambda genotype: float(sum(map(int, genotype)))):
    asked = []
    while genotypes := strategy.ask(chunk):
        trials = [
            Trial(index=len(asked) + i, genotype=g, key=g, score=score(g)) for i, g in enumerate(genotypes)
        ]
        strategy.tell(trials)
        asked += genotypes
    return asked


@pytest.mark.parametrize("draws", [7, 64, 100])
def test_no_network_is_asked_for_twice(draws):
    asked = search(SpikeAwareEvolution(Digits(), 0, draws=draws, pool=10, mutants=5, children=5, best=4), 7)
    assert len(asked) == len(set(asked)) == draws


def test_it_ends_where_the_space_has_no_more():
    assert len(search(SpikeAwareEvolution(Digits(), 0, draws=1000), 16)) == CHOICES**PLACES


@pytest.mark.parametrize("chunk", [1, 3, 20, 1000])
def test_how_many_are_asked_for_at_once_changes_nothing(chunk):
    def run(chunk):
        return search(SpikeAwareEvolution(Digits(), 5, draws=90, pool=12, mutants=6, children=4), chunk)

    assert run(chunk) == run(12)


def test_it_finds_the_best_sooner_than_chance():
    best = str(CHOICES - 1) * PLACES
    places = [
        search(SpikeAwareEvolution(Digits(), seed, pool=10, best=5, mutants=5, children=5), 10).index(best)
        for seed in range(20)
    ]
    assert sorted(places)[10] < 70  # 128 by chance


def test_parents_are_the_best_of_all_generations():
    strategy = SpikeAwareEvolution(Digits(), 0, draws=30, pool=10, best=2, mutants=10, children=0)
    first = strategy.ask(10)
    strategy.tell([Trial(index=i, genotype=g, key=g, score=float(-i)) for i, g in enumerate(first)])
    for _ in range(2):
        mutants = strategy.ask(10)
        assert all(
            min(sum(a != b for a, b in zip(mutant, parent, strict=True)) for parent in first[:2]) <= 1
            for mutant in mutants[:5]
        )
        strategy.tell([Trial(index=0, genotype=g, key=g, score=-100.0) for g in mutants])


def test_without_a_score_it_goes_on_at_random():
    asked = search(SpikeAwareEvolution(Digits(), 0, draws=60), 20, score=lambda genotype: math.nan)
    assert len(set(asked)) == 60


def test_nothing_is_drawn_from_the_global_generator():
    before = random.getstate()
    search(SpikeAwareEvolution(Digits(), 0, draws=40), 20)
    assert random.getstate() == before


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"draws": 0}, "draws must be at least 1, got 0"),
        ({"best": 0}, "best must be at least 1"),
        ({"children": -1}, "children must be at least 0"),
        ({"pool": 5}, "must fit into pool = 5, got 10 and 10"),
    ],
)
def test_numbers_out_of_range(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        SpikeAwareEvolution(Digits(), 0, **settings)
