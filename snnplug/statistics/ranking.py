"""How well one list of numbers predicts the order of another, with bootstrap intervals.

    tau_b = (concordant - discordant) / sqrt((pairs - ties in x) (pairs - ties in y))

Kendall's tau-b allows for ties (M. G. Kendall, Biometrika 33(3), 1945, doi:10.1093/biomet/33.3.239).
Within groups, only pairs of members of one group are counted. Spearman's rho is the linear
correlation of ranks, ties sharing their mean rank. Intervals are those of
`snnplug.statistics.intervals`.

Minus infinity is a number like any other here, the least; NaN is not allowed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

from snnplug.statistics.intervals import Estimate, from_resamples, resamples

__all__ = ["estimate_rho", "estimate_tau", "kendall", "spearman"]

_LARGEST = 2000  # more networks make a resampling take minutes
_ROWS = 256  # of a large matrix at a time


def kendall(x: Sequence[float], y: Sequence[float], groups: Sequence[object] | None = None) -> float | None:
    """Return tau-b of two equally long sequences, None where one of them is constant.

    Args:
        x, y: numbers.
        groups: one a member; pairs across groups do not count.
    """
    agreement, distinct_x, distinct_y = (int(sums.sum()) for sums in _pairs(x, y, groups))
    if not distinct_x or not distinct_y:
        return None
    return agreement / math.sqrt(distinct_x * distinct_y)


def spearman(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Return Spearman's rho of two equally long sequences, None where one of them is constant."""
    import numpy as np

    value = _weighted_rho(_codes(x), _codes(y), np.ones((1, len(x))))[0]
    return float(value) if math.isfinite(value) else None


def estimate_tau(
    x: Sequence[float],
    y: Sequence[float],
    groups: Sequence[object] | None = None,
    *,
    seed: int = 0,
    clusters: Sequence[object] | None = None,
) -> Estimate | None:
    """Return tau-b with its 95 % interval, None where one of the sequences is constant.

    Up to 2,000 members it is that of the bootstrap; above, and with clusters, that of a normal
    distribution with the variance that the bootstrap tends to.

    Args:
        x, y: numbers.
        groups: one a member; pairs across groups do not count.
        seed: of the bootstrap.
        clusters: one a member; members of one are observed together and not independent.
    """
    if len(x) > _LARGEST or clusters is not None:
        return _linear_tau(x, y, groups, clusters)
    value = kendall(x, y, groups)
    if value is None:
        return None
    import numpy as np

    a, b, group = _codes(x), _codes(y), _codes(groups if groups is not None else [0] * len(x))
    same = group[:, None] == group
    dx, dy = np.sign(a[:, None] - a) * same, np.sign(b[:, None] - b) * same
    weights = resamples(len(x), seed)

    def pairs(signs: Any) -> Any:
        return np.einsum("ri,ri->r", weights @ signs, weights)

    with np.errstate(invalid="ignore", divide="ignore"):
        values = pairs(dx * dy) / np.sqrt(pairs(np.abs(dx)) * pairs(np.abs(dy)))
    return from_resamples(value, values)


def _linear_tau(
    x: Sequence[float],
    y: Sequence[float],
    groups: Sequence[object] | None,
    clusters: Sequence[object] | None,
) -> Estimate | None:
    """Return tau-b with the interval that follows from how much each member adds to it."""
    import numpy as np

    agreement, distinct_x, distinct_y = _pairs(x, y, groups)
    if not distinct_x.any() or not distinct_y.any():
        return None
    pairs = math.sqrt(int(distinct_x.sum()) * int(distinct_y.sum()))
    value = int(agreement.sum()) / pairs
    adds = agreement / pairs - value / 2 * (distinct_x / distinct_x.sum() + distinct_y / distinct_y.sum())
    if clusters is not None:
        adds = np.bincount(_codes(clusters), weights=adds)
    half = 2 * NormalDist().inv_cdf(0.975) * math.sqrt(float((adds * adds).sum()))
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half))


def estimate_rho(x: Sequence[float], y: Sequence[float], *, seed: int = 0) -> Estimate | None:
    """Return Spearman's rho with its 95 % bootstrap interval, None where one sequence is constant."""
    import numpy as np

    value = spearman(x, y)
    if value is None:
        return None
    a, b, weights = _codes(x), _codes(y), resamples(len(x), seed)
    parts = [_weighted_rho(a, b, weights[start : start + _ROWS]) for start in range(0, len(weights), _ROWS)]
    return from_resamples(value, np.concatenate(parts))


def _pairs(x: Sequence[float], y: Sequence[float], groups: Sequence[object] | None) -> tuple[Any, Any, Any]:
    """Return for each member agreeing less disagreeing pairs, and the pairs that differ in x and in y."""
    import numpy as np

    a, b = _codes(x).astype(np.int32), _codes(y).astype(np.int32)
    group = None if groups is None else _codes(groups)
    sums = []
    for start in range(0, len(a) or 1, _ROWS):  # of nothing one empty part
        rows = slice(start, start + _ROWS)
        dx, dy = _signs(a[rows], a), _signs(b[rows], b)
        if group is not None:
            same = group[rows, None] == group
            dx, dy = dx * same, dy * same
        sums.append([(dx * dy).sum(1, dtype=np.int64), (dx != 0).sum(1), (dy != 0).sum(1)])
    agreement, distinct_x, distinct_y = (np.concatenate(part) for part in zip(*sums, strict=True))
    return agreement, distinct_x, distinct_y


def _signs(rows: Any, columns: Any) -> Any:
    import numpy as np

    return (rows[:, None] > columns).astype(np.int8) - (rows[:, None] < columns).astype(np.int8)


def _codes(values: Sequence[Any]) -> Any:
    """Return the position of each value among the different ones: infinities become ordinary."""
    import numpy as np

    return np.unique(np.asarray(values), return_inverse=True)[1].reshape(-1)


def _weighted_rho(a: Any, b: Any, weights: Any) -> Any:
    """Return rho for each row of weights: the ranks are those of the resample."""
    import numpy as np

    def ranks(codes: Any) -> Any:
        totals = np.zeros((len(weights), codes.max() + 1))
        np.add.at(totals.T, codes, weights.T)
        below = np.cumsum(totals, axis=1) - totals
        return (below + totals / 2)[:, codes]

    x, y, n = ranks(a), ranks(b), weights.sum(1, keepdims=True)
    x, y = x - (weights * x).sum(1, keepdims=True) / n, y - (weights * y).sum(1, keepdims=True) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        return (weights * x * y).sum(1) / np.sqrt((weights * x * x).sum(1) * (weights * y * y).sum(1))
