"""Successive halving: many candidates by a cheap score, the best of them by a dearer one, and so on.

    rung 0        N draws by the scorer of the search
    rung r        the K_r best of rung r - 1, by the r-th of the search's rungs

Jamieson & Talwalkar, AISTATS 2016, arXiv 1502.07943, where K falls by a constant factor and the dearer
score is a longer training. Here the numbers are given, and each rung may have any scorer.

With `asynchronous` a candidate climbs as soon as it is among the best of those that its rung has seen
so far, in the proportion K_r : K_{r-1}, and nobody waits for the end of a rung: ASHA, Li et al., MLSys 2020,
arXiv 1810.05934. What differs from it: results are looked at whenever they are told, in the order in which
they were asked for, so a search can be repeated; and no more than K_r climb to rung r.

Draw i is `space.sample(random.Random(f"{seed}:{i}"))`, as that of random search. A network that is drawn
again counts as a draw and costs nothing.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Sequence
from typing import Annotated

from annotated_types import Ge

from snnplug import Ask, SearchSpace, Trial, check_ranges
from snnplug_strategies.nsga2 import select

__all__ = ["SuccessiveHalving"]


@check_ranges
class SuccessiveHalving:
    """Random draws, the best of which climb from rung to rung.

    With objectives in the recipe those climb that no other beats in all of them, then those that would be
    left without these; within one such front those with few neighbours.

    Args:
        space: what is drawn from.
        seed: seed of the search.
        draws: number N of draws at rung 0.
        keep: numbers K of candidates at the rungs above, one for each of `[search] rungs`.
        asynchronous: let candidates climb before their rung is complete.

    Raises:
        ValueError: a number is less than 1, or more are kept than the rung below has.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        draws: Annotated[int, Ge(1)] = 64,
        keep: Sequence[int] = (8,),
        asynchronous: bool = False,
    ) -> None:
        counts = [draws, *keep]
        if not keep or any(not 1 <= more <= most for most, more in itertools.pairwise(counts)):
            raise ValueError(
                f"keep must be a list of numbers, each from 1 to the one before it (the first to draws = "
                f"{draws}), got {list(keep)}"
            )
        self.space, self.seed, self.counts, self.asynchronous = space, seed, counts, asynchronous
        self.draws, self.rungs = sum(counts), len(counts)
        self._drawn = 0
        self._told: list[dict[str, Trial]] = [{} for _ in counts]
        self._climbed: list[set[str]] = [set() for _ in counts]  # to this rung

    def ask(self, n: int) -> Sequence[Ask]:
        """Return up to `n` candidates, those that climb highest first; none when all have climbed."""
        asked: list[Ask] = []
        for rung in range(len(self.counts) - 1, 0, -1):
            asked += self._climbing(rung, n - len(asked))
        while len(asked) < n and self._drawn < self.counts[0]:
            rng = random.Random(f"{self.seed}:{self._drawn}")
            asked.append(Ask(self.space.sample(rng)))
            self._drawn += 1
        return asked

    def tell(self, trials: Iterable[Trial]) -> None:
        """Take the results, rung by rung."""
        for trial in trials:
            self._told[trial.rung][trial.key] = trial

    def _climbing(self, rung: int, n: int) -> list[Ask]:
        """Return up to `n` candidates for a rung, the best of the one below first."""
        below = [trial for trial in self._told[rung - 1].values() if not math.isnan(trial.score)]
        due = self._due(rung, len(below)) - len(self._climbed[rung])
        if due < 1 or n < 1:
            return []
        best = _best(below, self.counts[rung])
        new = [trial for trial in best if trial.key not in self._climbed[rung]][: min(due, n)]
        self._climbed[rung] |= {trial.key for trial in new}
        return [Ask(trial.genotype, rung) for trial in new]

    def _due(self, rung: int, below: int) -> int:
        """Return how many may have climbed to a rung by now, of so many with a score below it."""
        if self._is_complete(rung - 1):
            return min(self.counts[rung], below)
        if not self.asynchronous:
            return 0
        return below * self.counts[rung] // self.counts[rung - 1]

    def _is_complete(self, rung: int) -> bool:
        """Whether a rung will see no other candidate."""
        if rung == 0:
            return self._drawn == self.counts[0]
        seen = sum(not math.isnan(trial.score) for trial in self._told[rung - 1].values())
        climbed = len(self._climbed[rung])
        return self._is_complete(rung - 1) and climbed == min(self.counts[rung], seen)


def _best(trials: Sequence[Trial], count: int) -> list[Trial]:
    """Return the best, of equals those told first."""
    if any(trial.objectives for trial in trials):
        return [trials[i] for i in select([trial.objectives for trial in trials], count)]
    return sorted(trials, key=lambda trial: -trial.score)[:count]
