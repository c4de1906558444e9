"""Which candidates of a pool are asked for next, and why."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snnplug import Trial, derive_seed, pareto_front
from snnplug_bayesian.acquisition import (
    best_first,
    expected_improvement,
    expected_trade_off,
    random_weights,
    trade_off,
)
from snnplug_bayesian.learner import Learner
from snnplug_bayesian.model import Prediction
from snnplug_bayesian.ranks import score_at

__all__ = ["BEFORE", "CHANCE", "LEARNED", "PRIOR", "Choice", "Chooser", "goals_of", "in_order"]

BEFORE = "before trust"  # what is asked for while too little is known
PRIOR = "prior"
CHANCE = "chance"
LEARNED = "expected improvement"


class Choice(NamedTuple):
    """A row of the pool, why it is asked for, and the score that is expected there."""

    row: int
    why: str
    expected: float | None


class Chooser:
    """Chooses by what is learned, once enough is known, and by the prior.

    Args:
        learner: of the pool.
        seed: of the search.
        trust: scores that must be known before anything learned is followed.
        chance_share: share of the choices until then that are drawn by chance, the others follow the prior.
        prior_share: share of the choices after that which follow the prior.
    """

    def __init__(
        self, learner: Learner, seed: int, *, trust: int, chance_share: float, prior_share: float
    ) -> None:
        self._learner, self._seed, self._trust = learner, seed, trust
        self._chance_share, self._prior_share = chance_share, prior_share

    def choose(self, told: Mapping[int, Trial], left: Sequence[int], first: int, number: int) -> list[Choice]:
        """Return up to `number` choices.

        Args:
            told: what is known, by row, in the order asked.
            left: rows that may be chosen, in the order of the pool.
            first: how many were chosen before.
            number: of choices.
        """
        left, found = list(left), list[Choice]()
        seen = {row: goals_of(trial) for row, trial in told.items()}
        seen = {row: goals for row, goals in seen.items() if all(map(math.isfinite, goals))}
        expected = self._learner.learn(list(seen), list(seen.values())) if len(seen) >= self._trust else None
        scores = [goals[0] for goals in seen.values()]
        for index in range(first, first + min(number, len(left))):
            rng = random.Random(derive_seed(self._seed, "choice", index))
            if expected is None:
                by_chance = _falls_to(index, self._chance_share)
                values, why = self._chance(rng) if by_chance else self._prior(rng)
                why = f"{why}, {BEFORE}"
            elif _falls_to(index, self._prior_share):
                values, why = self._prior(rng)
            else:
                values, why = self._improvement(expected, list(seen), rng), LEARNED
            row = left.pop(best_first(values[left])[0])
            score = None if expected is None else score_at(expected[0].mean[row], scores)
            found.append(Choice(row, why, score))
        return found

    def _prior(self, rng: random.Random) -> tuple[NDArray[np.float64], str]:
        """Return how much the prior likes each candidate; where there is none, chance decides."""
        learner = self._learner
        if learner.prior is None:
            return self._chance(rng)
        if not learner.known:
            return learner.prior, PRIOR
        goals = np.stack([learner.prior, *learner.known], -1)
        return trade_off(goals, random_weights(goals.shape[-1], rng)), PRIOR

    def _chance(self, rng: random.Random) -> tuple[NDArray[np.float64], str]:
        return np.array([rng.random() for _ in range(self._learner.size)]), CHANCE

    def _improvement(
        self, expected: Sequence[Prediction], seen: list[int], rng: random.Random
    ) -> NDArray[np.float64]:
        if len(expected) == 1:
            return expected_improvement(expected[0], expected[0].mean[seen].max())
        weights = random_weights(len(expected), rng)
        best = trade_off(np.stack([goal.mean[seen] for goal in expected], -1), weights).max()
        return expected_trade_off(expected, weights, best, rng)


def _falls_to(index: int, share: float) -> bool:
    """Whether a choice is one of a share of all, spread evenly."""
    return math.floor((index + 1) * share) > math.floor(index * share)


def goals_of(trial: Trial) -> tuple[float, ...]:
    """Return what is to be maximised."""
    return trial.objectives or (trial.score,)


def in_order(told: Mapping[int, Trial]) -> list[int]:
    """Return the rows that have a score, the best first: front by front where there are several goals.

    Of one front the better score comes first, of equal ones what was asked for earlier.
    """
    left = {row: goals_of(trial) for row, trial in told.items() if math.isfinite(trial.score)}
    if all(len(goals) == 1 for goals in left.values()):
        return sorted(left, key=lambda row: -left[row][0])
    found: list[int] = []
    while left:
        rows = list(left)
        front = [rows[i] for i in pareto_front([left[row] for row in rows])] or rows
        found += sorted(front, key=lambda row: -left[row][0])
        left = {row: goals for row, goals in left.items() if row not in front}
    return found
