"""Estimates with bootstrap intervals, and differences between pairs.

An interval takes the 2.5 and 97.5 percentiles of as many resamples of what was observed, drawn with
replacement by a seed: the same resamples for every quantity, so that two can be compared
(B. Efron, Annals of Statistics 7(1), 1979, doi:10.1214/aos/1176344552).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

__all__ = ["Estimate", "estimate_mean", "from_resamples", "paired_difference", "resamples"]

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


def paired_difference(one: Sequence[float], other: Sequence[float], *, seed: int = 0) -> Estimate:
    """Return the mean of `one - other`, where equal positions belong together, such as equal seeds.

    Raises:
        ValueError: they differ in length, or are empty.
    """
    return estimate_mean([a - b for a, b in zip(one, other, strict=True)], seed=seed)
