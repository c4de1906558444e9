"""Bayesian optimisation on graphs, with a cheap score as its prior.

With `keep`, all `draws` networks get the cheap score, which is the prior. Of these `keep[0]` get the next
score, then the `keep[1]` best of them the one after that, and so on. Which ones get the first of the dear
scores is learned from what came of those before:

    until `trust` have it    the next best by the prior, and a share `chance_share` by chance, as a model that
                             has seen nothing but the prior's best expects too much of all others
    from then on             the one of greatest expected improvement, and a share `prior_share` still by the
                             prior, so that a run says what learning bought

Without `keep` the only score is learned, and chance takes the place of the prior.

The model is in `snnplug_bayesian.model`, expected improvement in `snnplug_bayesian.acquisition`. All that is
asked for in one round is chosen from what was told before it, so `search.round_size` is part of the result.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Annotated

from annotated_types import Ge, Interval

from snnplug import Ask, SearchSpace, Trial, check_ranges
from snnplug_bayesian.choosing import Choice, Chooser, in_order
from snnplug_bayesian.learner import Learner
from snnplug_bayesian.pool import Member, drawn

__all__ = ["Bayesian"]


@check_ranges
class Bayesian:
    """Learns where in a pool of networks the good ones are.

    Args:
        space: what is drawn from.
        seed: seed of the search.
        draws: networks that get the first score, no network twice.
        keep: how many of them get each dearer score, in the order of the recipe's `search.rungs`; empty
            for a search on one score.
        pool: networks among which a search on one score chooses, at least `draws`.
        trust: scores that must be known before anything learned is followed.
        chance_share: share of the choices until then that are drawn by chance; none where so few are
            chosen that nothing learned would be followed.
        prior_share: share of the choices after that which follow the prior all the same.
        most: scores that are fitted at most, half of them the best.

    Raises:
        ValueError: a number is out of range, or more networks are to get a score than have the one before.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        draws: Annotated[int, Ge(1)] = 64,
        keep: Sequence[Annotated[int, Ge(1)]] = (),
        pool: Annotated[int, Ge(1)] = 1000,
        trust: Annotated[int, Ge(2)] = 25,
        chance_share: Annotated[float, Interval(ge=0, le=1)] = 0.25,
        prior_share: Annotated[float, Interval(ge=0, le=1)] = 0.25,
        most: Annotated[int, Ge(2)] = 300,
    ) -> None:
        numbers = [draws, *keep]
        if numbers != sorted(numbers, reverse=True):
            raise ValueError(
                f"keep must be at most draws = {draws}, and not grow from one score to the next; got "
                f"{list(keep)}"
            )
        self.space, self.seed = space, seed
        self.trust, self.most = trust, most
        learns = trust < (keep[0] if keep else draws)
        self.chance_share, self.prior_share = chance_share if learns else 0.0, prior_share
        self.draws, self.rungs = sum(numbers), len(numbers)
        self._numbers = numbers
        self._drawn = drawn(space, seed, draws if keep else max(pool, draws))
        self._pool: list[Member] = []
        self._rows: dict[str, int] = {}  # of the pool, by key
        self._asked = [0] * len(numbers)  # by rung
        self._told: list[dict[int, Trial]] = [{} for _ in numbers]  # by rung, then by row, in the order asked
        self._taken: set[int] = set()  # rows asked for at the rung that learns
        self._queue: list[int] = []  # rows that go up to the present rung
        self._rung = 0
        self._chooser: Chooser | None = None

    def ask(self, n: int) -> Sequence[Ask]:
        """Return up to `n` candidates to score next; all of one round get the same score."""
        while n > 0 and self._rung < self.rungs:
            left = self._numbers[self._rung] - self._asked[self._rung]
            if asks := self._next(min(n, left)):
                self._asked[self._rung] += len(asks)
                return asks
            self._climb()
        return []

    def tell(self, trials: Iterable[Trial]) -> None:
        """Take what came of the last round."""
        for trial in trials:
            self._told[trial.rung].setdefault(self._rows[trial.key], trial)

    def _next(self, n: int) -> list[Ask]:
        """Return what is asked for at the present rung; nothing where that is done."""
        if self._rung > 1:
            rows, self._queue = self._queue[:n], self._queue[n:]
            return [Ask(self._pool[row].genotype, self._rung, "best of the rung below") for row in rows]
        if self._rung == 0 and self.rungs > 1:
            return [Ask(genotype) for genotype in self._draw(n)]
        if not n:
            return []
        return [
            Ask(self._pool[choice.row].genotype, self._rung, choice.why, choice.expected)
            for choice in self._choose(n)
        ]

    def _draw(self, n: int | None) -> list[object]:
        """Add up to `n` networks to the pool, or all; return their genotypes."""
        new = list(itertools.islice(self._drawn, n))
        self._rows |= {member.key: row for row, member in enumerate(new, len(self._pool))}
        self._pool += new
        return [member.genotype for member in new]

    def _choose(self, n: int) -> list[Choice]:
        """Return what to ask for next at the rung that learns, of what has a score at the one below."""
        if self._chooser is None:
            self._draw(None)
            graphs = [self.space.graph(member.genotype) for member in self._pool]
            scored = list(self._told[0].values()) if self._rung else []
            self._chooser = Chooser(
                Learner(graphs, scored, self.most),
                self.seed,
                trust=self.trust,
                chance_share=self.chance_share,
                prior_share=self.prior_share,
            )
        below = self._told[0] if self._rung else None
        left = [
            row
            for row in range(len(self._pool))
            if row not in self._taken and (below is None or math.isfinite(below[row].score))
        ]
        choices = self._chooser.choose(self._told[self._rung], left, len(self._taken), n)
        self._taken |= {choice.row for choice in choices}
        return choices

    def _climb(self) -> None:
        """Go on to the next rung, with the best of this one."""
        self._queue = in_order(self._told[self._rung])
        self._rung += 1
