"""Which candidates climb, and when."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from snnplug_strategies.random import Random
from snnplug_strategies.successive_halving import SuccessiveHalving

from snnplug import Ask, Trial


class Numbers:
    """Whole numbers."""

    def sample(self, rng: random.Random) -> int:
        return rng.randrange(10**6)

    def key(self, genotype: int) -> str:
        return str(genotype)


def halving(**more: Any) -> SuccessiveHalving:
    return SuccessiveHalving(Numbers(), 0, **more)  # type: ignore[arg-type]


def rounds(
    strategy: SuccessiveHalving, n: int, score: Callable[[Ask], float], **more: Any
) -> list[list[Ask]]:
    """Ask and tell to the end."""
    found = []
    while asked := list(strategy.ask(n)):
        found.append(asked)
        strategy.tell(
            Trial(
                index=0,
                genotype=ask.genotype,
                key=str(ask.genotype),
                score=score(ask),
                rung=ask.rung,
                objectives=more["objectives"](ask) if more else (),
            )
            for ask in asked
        )
    return found


def at(asked: list[list[Ask]], rung: int) -> list[int]:
    return [ask.genotype for one in asked for ask in one if ask.rung == rung]


def test_the_best_of_a_whole_rung_climb() -> None:
    strategy = halving(draws=20, keep=[6, 2])
    asked = rounds(strategy, 4, lambda ask: -ask.genotype if ask.rung else ask.genotype)
    drawn = at(asked, 0)
    assert (strategy.draws, strategy.rungs) == (28, 3)
    assert at(asked, 1) == sorted(drawn, reverse=True)[:6]
    assert at(asked, 2) == sorted(at(asked, 1))[:2]  # by the score of rung 1, the other way round
    assert [ask.rung for one in asked for ask in one] == [0] * 20 + [1] * 6 + [2] * 2


def test_its_draws_are_those_of_random_search() -> None:
    other = Random(Numbers(), 0, draws=20)  # type: ignore[arg-type]
    asked = rounds(halving(draws=20, keep=[3]), 7, lambda ask: 0.0)
    assert at(asked, 0) == list(other.ask(20))


def test_without_waiting_the_best_so_far_climb_in_proportion() -> None:
    strategy = halving(draws=40, keep=[10, 5], asynchronous=True)
    asked = rounds(strategy, 4, lambda ask: ask.genotype)
    seen: list[int] = []
    climbed: list[int] = []
    for one in asked:
        new = [ask.genotype for ask in one if ask.rung == 1]
        if len(seen) < 40:
            assert len(climbed) + len(new) <= len(seen) // 4
            best = sorted(seen, reverse=True)[: len(seen)]
            left = [genotype for genotype in best if genotype not in climbed]
            assert new == left[: len(new)]  # the best that have not climbed
        climbed += new
        seen += [ask.genotype for ask in one if ask.rung == 0]
    first = next(i for i, one in enumerate(asked) if any(ask.rung == 1 for ask in one))
    assert first == 1 and any(ask.rung == 2 for ask in asked[4])  # long before the draws end
    assert (len(at(asked, 0)), len(at(asked, 1)), len(at(asked, 2))) == (40, 10, 5)
    assert len(set(at(asked, 1))) == 10


def test_one_without_a_score_does_not_climb() -> None:
    drawn = at(rounds(halving(draws=6, keep=[6]), 6, lambda ask: 0.0), 0)
    bad = set(drawn[:4])
    for asynchronous in (False, True):
        strategy = halving(draws=6, keep=[4, 3], asynchronous=asynchronous)
        asked = rounds(strategy, 2, lambda ask: float("nan") if ask.genotype in bad else 1.0)
        assert sorted(at(asked, 1)) == sorted(at(asked, 2)) == sorted(set(drawn) - bad)


def test_with_objectives_a_front_climbs() -> None:
    def objectives(ask: Ask) -> tuple[float, float]:
        return ask.genotype % 1000, -(ask.genotype % 7)

    asked = rounds(halving(draws=30, keep=[4]), 30, lambda ask: 0.0, objectives=objectives)
    climbed = [objectives(Ask(genotype)) for genotype in at(asked, 1)]
    everything = [objectives(Ask(genotype)) for genotype in at(asked, 0)]
    dominated = [point for point in climbed if any(o[0] > point[0] and o[1] > point[1] for o in everything)]
    assert not dominated and len(climbed) == 4


@pytest.mark.parametrize("keep", [[], [0], [21], [5, 6], [5, 0]])
def test_wrong_numbers_are_refused(keep: list[int]) -> None:
    with pytest.raises(ValueError, match="keep must be a list of numbers"):
        halving(draws=20, keep=keep)
