"""NSGA-II: evolution towards the whole trade-off between several objectives.

Selection prefers the front that no other candidate dominates, then the front that is left
without it, and so on (rank), and within a front those with few neighbours (crowding distance:
for each objective the distance between the two neighbours over the range of the front,
summed; infinite at both ends). The P best of parents and children are the next parents; a
parent is the better of two drawn at random.

Deb et al., IEEE Trans. Evol. Comput. 6(2), 2002, doi:10.1109/4235.996017. Genotypes are
crossed and mutated by the search space. What differs from the paper: parents are selected
whenever results are told, so it is the paper's generation where as many are asked for at
once as the population has; a candidate stands in the population once; a child that was asked
for before is mutated again unless `repeats`.

Draw i takes its randomness from `random.Random(f"{seed}:{i}")`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from annotated_types import Ge, Interval

from snnplug import SearchSpace, Trial, check_ranges, pareto_front
from snnplug_strategies.unseen import Unseen

__all__ = ["NSGA2", "crowding", "select"]


def crowding(points: Sequence[Sequence[float]]) -> list[float]:
    """Return the crowding distance of each point of one front."""
    distances = [0.0] * len(points)
    for axis in zip(*points, strict=True):
        order = sorted(range(len(points)), key=axis.__getitem__)
        low, high = axis[order[0]], axis[order[-1]]
        distances[order[0]] = distances[order[-1]] = math.inf
        for before, i, after in zip(order, order[1:], order[2:], strict=False):
            distances[i] += (axis[after] - axis[before]) / (high - low) if high > low else 0.0
    return distances


def select(points: Sequence[Sequence[float]], count: int) -> list[int]:
    """Return the positions of the `count` best points, the best first: by rank, then crowding distance.

    Points with a coordinate that is no finite number are left out. Of equals the earlier comes first.
    """
    chosen: list[int] = []
    left = list(range(len(points)))
    while len(chosen) < count and (front := pareto_front([points[i] for i in left])):
        indices = [left[i] for i in front]
        distances = crowding([points[i] for i in indices])
        chosen += [i for _, i in sorted(zip(distances, indices, strict=True), key=lambda p: (-p[0], p[1]))]
        left = [i for i in left if i not in indices]
    return chosen[:count]


@check_ranges
class NSGA2:
    """Evolution on the score and the objectives of the recipe, or on the score alone if there are none.

    Args:
        space: what is drawn from.
        seed: seed of the search.
        draws: number of draws in all, the random ones at the start included.
        population: number P of parents, and of random draws at the start; the paper's 100.
        crossover: probability that a child has two parents; the paper's 0.9.
        mutation: probability that a child is mutated.
        repeats: ask again for networks that were asked for before, as published.

    Raises:
        ValueError: a number is less than 1, or a probability is none.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        draws: Annotated[int, Ge(1)] = 64,
        population: Annotated[int, Ge(1)] = 16,
        crossover: Annotated[float, Interval(ge=0, le=1)] = 0.9,
        mutation: Annotated[float, Interval(ge=0, le=1)] = 0.5,
        repeats: bool = False,
    ) -> None:
        self.space, self.seed, self.draws = space, seed, draws
        self.population, self.crossover, self.mutation = population, crossover, mutation
        self._unseen = Unseen(space, repeats)
        self._parents: list[Trial] = []  # the best first
        self._asked = 0

    def ask(self, n: int) -> Sequence[Any]:
        """Return the next `n` genotypes, fewer at the end."""
        first, self._asked = self._asked, min(self._asked + max(n, 0), self.draws)
        return [self._draw(i) for i in range(first, self._asked)]

    def tell(self, trials: Iterable[Trial]) -> None:
        """Select the next parents from the present ones and these trials."""
        known = {trial.key: trial for trial in (*self._parents, *trials)}
        candidates = list(known.values())
        points = [trial.objectives or (trial.score,) for trial in candidates]
        self._parents = [candidates[i] for i in select(points, self.population)]

    def _draw(self, index: int) -> Any:
        rng = random.Random(f"{self.seed}:{index}")
        if index < self.population or not self._parents:
            return self._unseen(self.space.sample(rng), rng)
        child = self._parent(rng)
        if rng.random() < self.crossover:
            child = self.space.crossover(child, self._parent(rng), rng)
        if rng.random() < self.mutation:
            child = self.space.mutate(child, rng)
        return self._unseen(child, rng)

    def _parent(self, rng: random.Random) -> Any:
        best = min(rng.randrange(len(self._parents)) for _ in range(2))
        return self._parents[best].genotype
