"""The evolution of AutoSNN: generations bred from the best so far, no network twice.

    generation 1    P random networks
    best            the K best of all generations so far
    generation g    M mutants of the best, C children of two of them, random networks up to P

Na et al., ICML 2022, arXiv 2201.12738, with P = 20, K = M = C = 10 and 200 networks in all. What makes it
aware of spikes is the score that it is used with. It differs from the published code in that all
randomness comes from the seed, and that how many networks are asked for at once changes nothing.

Generation g takes its randomness from `random.Random(f"{seed}:{g}")`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

from annotated_types import Ge

from snnplug import SearchSpace, Trial, check_ranges

__all__ = ["SpikeAwareEvolution"]

_TRIES = 3  # for each mutant and child that is wanted
_RANDOM_TRIES = 200  # for each random network: a small space may have nothing new left


@check_ranges
class SpikeAwareEvolution:
    """Evolution on one score; an objective beside the score is not looked at.

    Args:
        space: what is drawn from; how strongly a mutant differs is its affair.
        seed: seed of the search.
        draws: number of networks in all; fewer where the space has no more.
        pool: networks of a generation.
        best: how many of the best so far may become parents.
        mutants, children: of a generation, as many as are new among three times as many drawn.

    Raises:
        ValueError: a number is out of range, or mutants and children are more than the pool.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        draws: Annotated[int, Ge(1)] = 200,
        pool: Annotated[int, Ge(1)] = 20,
        best: Annotated[int, Ge(1)] = 10,
        mutants: Annotated[int, Ge(0)] = 10,
        children: Annotated[int, Ge(0)] = 10,
    ) -> None:
        if mutants + children > pool:
            raise ValueError(
                f"mutants and children must fit into pool = {pool}, got {mutants} and {children}"
            )
        self.space, self.seed, self.draws = space, seed, draws
        self.pool, self.best, self.mutants, self.children = pool, best, mutants, children
        self._asked, self._generation = 0, 0
        self._seen: set[str] = set()
        self._waiting: list[Any] = []
        self._best: list[Trial] = []

    def ask(self, n: int) -> Sequence[Any]:
        """Return the next `n` genotypes, fewer at the end of a generation, none at the end of the search."""
        if not self._waiting and self._asked < self.draws:
            self._waiting = self._breed()[: self.draws - self._asked]
        asked, self._waiting = self._waiting[: max(n, 0)], self._waiting[max(n, 0) :]
        self._asked += len(asked)
        return asked

    def tell(self, trials: Iterable[Trial]) -> None:
        """Keep the best of those told so far; of equals the first."""
        scored = [*self._best, *(trial for trial in trials if not math.isnan(trial.score))]
        self._best = sorted(scored, key=lambda trial: -trial.score)[: self.best]

    def _breed(self) -> list[Any]:
        rng = random.Random(f"{self.seed}:{self._generation}")
        self._generation += 1
        found: list[Any] = []
        if self._best:
            found += self._new(self.mutants, _TRIES, lambda: self._mutant(rng))
        if len(self._best) > 1:
            found += self._new(self.children, _TRIES, lambda: self._child(rng))
        return found + self._new(self.pool - len(found), _RANDOM_TRIES, lambda: self.space.sample(rng))

    def _mutant(self, rng: random.Random) -> Any:
        return self.space.mutate(rng.choice(self._best).genotype, rng)

    def _child(self, rng: random.Random) -> Any:
        one, other = rng.sample(self._best, 2)
        return self.space.crossover(one.genotype, other.genotype, rng)

    def _new(self, count: int, tries: int, draw: Callable[[], Any]) -> list[Any]:
        """Return up to `count` networks that were never asked for."""
        found: list[Any] = []
        for _ in range(tries * count):
            if len(found) == count:
                break
            genotype = draw()
            key = self.space.key(genotype)
            if key not in self._seen:
                self._seen.add(key)
                found.append(genotype)
        return found
