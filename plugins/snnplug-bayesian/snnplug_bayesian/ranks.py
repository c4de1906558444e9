"""Scores as normal scores: a regression sees their order alone, so none counts more for having gone astray.

    z = inverse of the normal distribution at (rank - 1/2) / n

Equal scores get the mean of their ranks. What is no number is the worst of all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["normal_scores", "rounded", "score_at"]

_DIGITS = 9


def normal_scores(scores: Sequence[float]) -> NDArray[np.float64]:
    """Return the normal scores of some scores, in their order."""
    values = np.asarray(scores, dtype=float)
    values = rounded(np.where(np.isnan(values), -np.inf, values))
    _, kinds, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = last - (counts - 1) / 2  # the mean of those of its equals
    return np.asarray(ndtri((ranks[kinds] - 0.5) / max(len(values), 1)))


def score_at(z: float, scores: Sequence[float]) -> float:
    """Return the score whose normal score is z among known finite ones.

    Between two it is interpolated; beyond the first or the last it goes on as from the middle to there.
    """
    values = np.sort(np.asarray(scores, dtype=float))
    places = ndtri((np.arange(len(values)) + 0.5) / len(values))
    if len(values) > 1 and abs(z) > places[-1]:
        edge, beyond = (values[-1], z - places[-1]) if z > 0 else (values[0], z + places[-1])
        return float(edge + beyond * abs(edge - np.median(values)) / places[-1])
    return float(np.interp(z, places, values))


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers to nine digits each, so that what sums are rounded to decides nothing."""
    size = np.abs(values)
    plain = (size > 0) & np.isfinite(values)
    unit = 10.0 ** (np.floor(np.log10(np.where(plain, size, 1.0))) - _DIGITS + 1)
    return np.where(plain, np.round(np.where(plain, values, 0.0) / unit) * unit, values)
