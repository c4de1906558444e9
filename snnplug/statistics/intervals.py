"""Estimates with bootstrap intervals, and differences between pairs.

An interval takes the 2.5 and 97.5 percentiles of as many resamples of what was observed, drawn with
replacement by a seed: the same resamples for every quantity, so that two can be compared
(B. Efron, Annals of Statistics 7(1), 1979, doi:10.1214/aos/1176344552).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import attrs

__all__ = [
    "Estimate",
    "estimate_fraction",
    "estimate_mean",
    "from_resamples",
    "paired_difference",
    "resamples",
]

RESAMPLES = 1000


@attrs.frozen
class Estimate:
    """A number with its 95 % interval; `low` and `high` are None where none was computed."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        interval = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.value:.3f}{interval}"


def resamples(n: int, seed: int = 0) -> Any:
    """Return how often each of n observations is drawn, an array `[RESAMPLES, n]`."""
    import numpy as np

    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, n, (RESAMPLES, n))
    return np.stack([np.bincount(row, minlength=n) for row in drawn]).astype(float)


def from_resamples(value: float, values: Any) -> Estimate:
    """Return the estimate of a quantity from its values in all resamples; NaN ones are left out."""
    import numpy as np

    low, high = np.nanpercentile(values, [2.5, 97.5])
    return Estimate(value, float(low), float(high))


def estimate_mean(values: Sequence[float], *, seed: int = 0) -> Estimate:
    """Return the mean of some observations, without an interval where there is only one.

    Raises:
        ValueError: there are none.
    """
    import numpy as np

    if not len(values):
        raise ValueError("the mean of no values")
    observed = np.asarray(values, dtype=float)
    if len(observed) == 1:
        return Estimate(float(observed[0]))
    return from_resamples(float(observed.mean()), resamples(len(observed), seed) @ observed / len(observed))


def estimate_fraction(count: int, of: int) -> Estimate:
    """Return a fraction of independent cases with its 95 % interval, which has a width at 0 and 1 as well.

    Wilson, Journal of the American Statistical Association 22(158), 1927.

    Args:
        count: of cases that hold.
        of: all cases, at least one.
    """
    z = NormalDist().inv_cdf(0.975)
    fraction = count / of
    middle = (fraction + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(fraction * (1 - fraction) / of + (z / (2 * of)) ** 2)
    return Estimate(fraction, max(0.0, middle - half), min(1.0, middle + half))


def paired_difference(one: Sequence[float], other: Sequence[float], *, seed: int = 0) -> Estimate:
    """Return the mean of `one - other`, where equal positions belong together, such as equal seeds.

    Raises:
        ValueError: they differ in length, or are empty.
    """
    return estimate_mean([a - b for a, b in zip(one, other, strict=True)], seed=seed)
