"""Regularised evolution: mutate the best of a random sample, and let the oldest die.

    population = the P youngest
    parent     = the best of S drawn from the population
    child      = mutate(parent), or mutate(crossover(parent, another such parent))

Real et al., AAAI 2019, arXiv 1802.01548. What differs from the paper: crossover is offered
(probability 0 is the paper's); a child that was asked for before is mutated again unless
`repeats`; as many children are made at a time as are asked for, from the same population,
so the number asked for at once is part of what the result depends on.

Draw i takes its randomness from `random.Random(f"{seed}:{i}")`.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from annotated_types import Ge, Interval

from snnplug import SearchSpace, Trial, check_ranges
from snnplug_strategies.unseen import Unseen

__all__ = ["Evolution"]


@check_ranges
class Evolution:
    """Ageing evolution on one score; an objective beside the score is not looked at.

    Args:
        space: what is drawn from.
        seed: seed of the search.
        draws: number of draws in all, the random ones at the start included.
        population: number of the youngest P that may become parents, and of random draws at the start.
        sample_size: size S of a tournament, drawn with replacement.
        crossover: probability that a child has two parents.
        repeats: ask again for networks that were asked for before, as published.

    Raises:
        ValueError: a number is less than 1, or `crossover` is no probability.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        draws: Annotated[int, Ge(1)] = 64,
        population: Annotated[int, Ge(1)] = 16,
        sample_size: Annotated[int, Ge(1)] = 4,
        crossover: Annotated[float, Interval(ge=0, le=1)] = 0.0,
        repeats: bool = False,
    ) -> None:
        self.space, self.seed, self.draws = space, seed, draws
        self.population, self.sample_size, self.crossover = population, sample_size, crossover
        self._unseen = Unseen(space, repeats)
        self._alive: deque[Trial] = deque(maxlen=population)
        self._asked = 0

    def ask(self, n: int) -> Sequence[Any]:
        """Return the next `n` genotypes, fewer at the end."""
        first, self._asked = self._asked, min(self._asked + max(n, 0), self.draws)
        return [self._draw(i) for i in range(first, self._asked)]

    def tell(self, trials: Iterable[Trial]) -> None:
        """Add trials to the population in the order given; as many of the oldest die."""
        self._alive.extend(trials)

    def _draw(self, index: int) -> Any:
        rng = random.Random(f"{self.seed}:{index}")
        if index < self.population or not self._alive:
            return self._unseen(self.space.sample(rng), rng)
        child = self._parent(rng)
        if rng.random() < self.crossover:
            child = self.space.crossover(child, self._parent(rng), rng)
        return self._unseen(self.space.mutate(child, rng), rng)

    def _parent(self, rng: random.Random) -> Any:
        return max(rng.choices(self._alive, k=self.sample_size), key=_fitness).genotype


def _fitness(trial: Trial) -> float:
    return -math.inf if math.isnan(trial.score) else trial.score
