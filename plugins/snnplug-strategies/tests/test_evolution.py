from __future__ import annotations

import math

import pytest
from snnplug_strategies.evolution import Evolution
from snnplug_strategies.nsga2 import NSGA2

from snnplug import Trial, derive_seed


class Bits:
    """Lists of bits; the score of one is the number of ones."""

    length = 24

    def sample(self, rng):
        return [rng.randrange(2) for _ in range(self.length)]

    def mutate(self, genotype, rng):
        place = rng.randrange(self.length)
        return [1 - bit if i == place else bit for i, bit in enumerate(genotype)]

    def crossover(self, one, other, rng):
        return [rng.choice(pair) for pair in zip(one, other, strict=True)]

    def key(self, genotype):
        return "".join(map(str, genotype))


def trial(genotype, index=0, score=None, objectives=()):
    score = float(sum(genotype)) if score is None else score
    return Trial(index=index, genotype=genotype, key=Bits().key(genotype), score=score, objectives=objectives)


def search(strategy, chunk):
    asked = []
    while genotypes := strategy.ask(chunk):
        strategy.tell([trial(g, len(asked) + i) for i, g in enumerate(genotypes)])
        asked += genotypes
    return asked


def distance(one, other):
    return sum(a != b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", [Evolution, NSGA2])
def test_it_learns(kind):
    """Random draws of 24 bits have 12 ones on average; 200 of them rarely more than 19."""
    best = [
        max(map(sum, search(kind(Bits(), derive_seed(seed), draws=300, population=20), 10)))
        for seed in range(5)
    ]
    assert min(best) >= 22


@pytest.mark.parametrize("kind", [Evolution, NSGA2])
def test_it_begins_with_random_draws_that_depend_on_position_alone(kind):
    whole = kind(Bits(), 3, draws=8, population=8).ask(8)
    chunks = kind(Bits(), 3, draws=8, population=8)
    assert [g for n in (3, 1, 4) for g in chunks.ask(n)] == whole
    assert kind(Bits(), 4, draws=8, population=8).ask(8) != whole


@pytest.mark.parametrize("kind", [Evolution, NSGA2])
def test_draws_depend_on_results_told_and_not_on_when(kind):
    def run(score):
        strategy = kind(Bits(), 0, draws=12, population=4)
        first = strategy.ask(4)
        strategy.tell([trial(g, i, score(i)) for i, g in enumerate(first)])
        return strategy.ask(8)

    assert run(lambda i: i) == run(lambda i: i)
    assert run(lambda i: i) != run(lambda i: -i)


@pytest.mark.parametrize("kind", [Evolution, NSGA2])
def test_nothing_is_asked_for_twice_unless_repeats(kind):
    keys = [Bits().key(g) for g in search(kind(Bits(), 1, draws=200, population=8), 8)]
    assert len(set(keys)) == 200
    keys = [Bits().key(g) for g in search(kind(Bits(), 1, draws=400, population=8, repeats=True), 8)]
    assert len(set(keys)) < 400


@pytest.mark.parametrize("kind", [Evolution, NSGA2])
def test_a_space_without_new_networks_does_not_hang(kind):
    class One(Bits):
        length = 1

    assert len(search(kind(One(), 0, draws=20, population=2), 4)) == 20


@pytest.mark.parametrize("kind", [Evolution, NSGA2])
def test_only_failures_told_leads_to_more_draws(kind):
    strategy = kind(Bits(), 0, draws=8, population=4)
    strategy.tell([trial(g, score=math.nan) for g in strategy.ask(4)])
    assert len(strategy.ask(4)) == 4


def test_parent_is_the_best_of_the_sample():
    strategy = Evolution(Bits(), 0, draws=20, population=4, sample_size=200, repeats=True)
    first = strategy.ask(4)
    strategy.tell([trial(g, i, score=[1.0, 7.0, math.nan, 3.0][i]) for i, g in enumerate(first)])
    assert all(distance(child, first[1]) == 1 for child in strategy.ask(6))


def test_the_oldest_dies_however_good():
    strategy = Evolution(Bits(), 0, draws=20, population=2, sample_size=200, repeats=True)
    old = strategy.ask(2)
    strategy.tell([trial(old[0], score=100.0), trial(old[1], score=1.0)])
    middle = strategy.ask(1)
    strategy.tell([trial(middle[0], score=2.0)])
    assert distance(strategy.ask(1)[0], middle[0]) == 1


def test_a_child_of_two_has_bits_of_both():
    class Ends(Bits):
        def mutate(self, genotype, rng):
            return genotype

    strategy = Evolution(Ends(), 0, draws=20, population=2, sample_size=1, crossover=1.0, repeats=True)
    strategy.ask(2)
    strategy.tell([trial([0] * 24), trial([1] * 24)])
    children = strategy.ask(10)
    assert any(0 < sum(child) < 24 for child in children)


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        (Evolution, {"draws": 0}, "draws must be at least 1, got 0"),
        (Evolution, {"population": 0}, "population must be at least 1, got 0"),
        (Evolution, {"sample_size": 0}, "sample_size must be at least 1, got 0"),
        (Evolution, {"crossover": 1.5}, "crossover must be at least 0 and at most 1, got 1.5"),
        (NSGA2, {"draws": 0}, "draws must be at least 1, got 0"),
        (NSGA2, {"population": -1}, "population must be at least 1, got -1"),
        (NSGA2, {"mutation": -0.1}, "mutation must be at least 0 and at most 1, got -0.1"),
    ],
)
def test_parameters_are_checked(kind, parameters, message):
    with pytest.raises(ValueError, match=message):
        kind(Bits(), 0, **parameters)
