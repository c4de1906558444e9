"""Which candidate is worth asking for next: the expected improvement, of one goal or of a drawn trade-off.

    one goal       EI = E max(f - best, 0) = d (phi(u) + u Phi(u)),   u = (mean - best) / d
    several goals  the same of  s = min_j w_j z_j + 0.05 sum_j w_j z_j,   weights w drawn anew for each choice

Jones et al., J. Global Optim. 13, 1998, doi:10.1023/A:1008306431147. Random weights and s (the augmented
Tchebycheff function) are those of ParEGO, Knowles, IEEE Trans. Evol. Comput. 10(1), 2006,
doi:10.1109/TEVC.2005.851274. What differs: `best` is the highest expected value of what was observed, as
observations are noisy; each goal has a model of its own, and the improvement of s is a mean over draws.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from snnplug_bayesian.model import Prediction
from snnplug_bayesian.ranks import rounded

__all__ = ["best_first", "expected_improvement", "expected_trade_off", "random_weights", "trade_off"]

_AUGMENT = 0.05
_SAMPLES = 64


def expected_improvement(prediction: Prediction, best: float) -> NDArray[np.float64]:
    """Return how much more than `best` is expected of each candidate, what is less counting as 0."""
    mean, deviation = prediction
    spread = np.maximum(deviation, 1e-12)
    u = (mean - best) / spread
    density = np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)
    return np.asarray(spread * (density + u * ndtr(u)))


def random_weights(goals: int, rng: random.Random) -> NDArray[np.float64]:
    """Return weights above 0 that sum to 1, uniform among all such."""
    drawn = np.array([rng.expovariate(1.0) for _ in range(goals)])
    return drawn / drawn.sum()


def trade_off(goals: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one number for each row of `[..., goals]`, higher being better."""
    weighted = goals * weights
    return weighted.min(-1) + _AUGMENT * weighted.sum(-1)


def expected_trade_off(
    goals: Sequence[Prediction], weights: NDArray[np.float64], best: float, rng: random.Random
) -> NDArray[np.float64]:
    """Return the expected improvement of a trade-off, by draws that are the same for all candidates."""
    generator = np.random.default_rng(rng.getrandbits(63))
    noise = generator.standard_normal((_SAMPLES, len(goals)))
    means = np.stack([goal.mean for goal in goals], -1)
    deviations = np.stack([goal.deviation for goal in goals], -1)
    found = np.zeros(len(means))
    for draw in noise:
        found += np.maximum(trade_off(means + draw * deviations, weights) - best, 0.0)
    return found / _SAMPLES


def best_first(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return positions in falling order, equals in the order given."""
    return np.argsort(-rounded(values), kind="stable")
