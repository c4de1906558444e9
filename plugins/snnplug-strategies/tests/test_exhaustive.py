from __future__ import annotations

import pytest
from snnplug_strategies.exhaustive import Exhaustive

from snnplug.errors import ContractError


class Pairs:
    """A space of pairs in which some are listed twice."""

    def __init__(self, size: int | None = 12) -> None:
        self._size = size

    def genotypes(self):
        return ([a, b] for a in range(4) for b in (0, 1, 0))

    def key(self, genotype):
        return str(genotype)

    def size(self):
        return self._size


ALL = [[a, b] for a in range(4) for b in range(2)]


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("size", [12, None])
def test_every_key_once_in_the_order_listed(chunk: int, size: int | None) -> None:
    strategy, asked = Exhaustive(Pairs(size), 0), []
    assert strategy.draws == 12
    while genotypes := strategy.ask(chunk):
        assert len(genotypes) <= chunk
        asked += genotypes
    assert asked == ALL
    assert strategy.ask(chunk) == []


def test_the_first_ones_only() -> None:
    strategy = Exhaustive(Pairs(), 0, draws=3)
    assert strategy.draws == 3
    assert [*strategy.ask(2), *strategy.ask(2), *strategy.ask(2)] == ALL[:3]


def test_neither_seed_nor_results_matter() -> None:
    one, other = Exhaustive(Pairs(), 0), Exhaustive(Pairs(), 1)
    assert one.ask(3) == other.ask(3)
    one.tell([])
    assert one.ask(3) == other.ask(3)


def test_a_long_list_is_not_read_before_it_is_asked_for() -> None:
    class Endless(Pairs):
        def genotypes(self):
            number = 0
            while True:
                yield (number := number + 1)

    assert Exhaustive(Endless(10**12), 0).ask(2) == [1, 2]


def test_a_space_that_lists_nothing_is_refused() -> None:
    class Silent:
        def size(self):
            return 9

    with pytest.raises(ContractError, match=r"Silent has no method genotypes\(\); choose another strategy"):
        Exhaustive(Silent(), 0)


def test_at_least_one_draw() -> None:
    with pytest.raises(ValueError, match="draws must be at least 1, got 0"):
        Exhaustive(Pairs(), 0, draws=0)
