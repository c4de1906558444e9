"""What has been learned of a pool: a mixture of Gaussian processes for each goal.

Goals are seen as normal scores. One that is known of the whole pool already is taken as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from snnplug import Graph, Trial
from snnplug_bayesian.features import features_of, standardised, table_of
from snnplug_bayesian.model import Mixture, Prediction
from snnplug_bayesian.ranks import normal_scores

__all__ = ["Learner", "kept_of"]


class Learner:
    """Learns what is asked for of a pool.

    Args:
        graphs: of the candidates, in the order of the pool.
        scored: their trials with the cheap score, in the same order; empty where there is none. The score is
            the prior, and whatever is recorded beside it is a feature.
        most: observations that are fitted at most.
    """

    def __init__(self, graphs: Sequence[Graph], scored: Sequence[Trial], most: int) -> None:
        table = table_of([features_of(graph) for graph in graphs])
        prior = np.zeros((len(graphs), 0))
        if scored:
            prior = _normal([trial.score for trial in scored])[:, None]
            table = np.hstack([table, _beside([{**trial.parts, **trial.values} for trial in scored])])
        self._most = most
        self.size = len(graphs)
        self._mixture = Mixture(standardised(table), prior)
        self.prior = prior[:, 0] if scored else None
        goals = [trial.objectives[1:] for trial in scored]
        self.known = [_normal(column) for column in zip(*goals, strict=True)] if scored else []

    def learn(self, rows: Sequence[int], goals: Sequence[Sequence[float]]) -> list[Prediction]:
        """Return what is expected of each candidate of the pool, for each goal.

        Args:
            rows: of the pool, the candidates that were observed, in the order asked.
            goals: what was observed of each, all finite; the first one is always learned.
        """
        kept = kept_of([goal[0] for goal in goals], self._most)
        found = []
        with threadpool_limits(1):  # how sums are split among threads would change their last digits
            for number, column in enumerate(zip(*(goals[i] for i in kept), strict=True)):
                if number and self.known:
                    found.append(Prediction(self.known[number - 1], np.zeros(self.size)))
                    continue
                self._mixture.fit(np.array([rows[i] for i in kept]), normal_scores(column))
                found.append(self._mixture.predict(np.arange(self.size)))
        return found


def kept_of(scores: Sequence[float], most: int) -> list[int]:
    """Return which observations are fitted, in their order: half are the best, half spread over the rest."""
    if len(scores) <= most:
        return list(range(len(scores)))
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    best, rest = order[: most // 2], sorted(order[most // 2 :])
    wanted = most - len(best)
    return sorted([*best, *(rest[i * len(rest) // wanted] for i in range(wanted))])


def _normal(values: Sequence[float]) -> NDArray[np.float64]:
    """Return normal scores of variance 1; 0 for all where they are equal."""
    scores = normal_scores(values)
    return scores / scores.std() if np.ptp(scores) else np.zeros(len(scores))


def _beside(rows: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    """Return the normal scores of what is recorded beside the score, `[candidates, names]`."""
    names = sorted({name for row in rows for name in row})
    columns = [normal_scores([row.get(name, math.nan) for row in rows]) for name in names]
    return np.stack(columns, 1) if columns else np.zeros((len(rows), 0))
