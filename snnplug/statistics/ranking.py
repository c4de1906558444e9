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
from typing import Any

from snnplug.statistics.intervals import Estimate, from_resamples, resamples

__all__ = ["estimate_rho", "estimate_tau", "kendall", "regret", "spearman", "top_overlap"]

_LARGEST = 2000  # more networks make a resampling take minutes, and an interval narrower than +-0.03


def kendall(x: Sequence[float], y: Sequence[float], groups: Sequence[object] | None = None) -> float | None:
    """Return tau-b of two equally long sequences, None where one of them is constant.

    Args:
        x, y: numbers.
        groups: one a member; pairs across groups do not count.
    """
    import numpy as np

    a, b, group = _codes(x), _codes(y), _codes(groups if groups is not None else [0] * len(x))
    agreement = distinct_x = distinct_y = 0
    for i in range(len(a) - 1):
        same = group[i + 1 :] == group[i]
        dx, dy = np.sign(a[i + 1 :] - a[i]) * same, np.sign(b[i + 1 :] - b[i]) * same
        agreement += int((dx * dy).sum())
        distinct_x += int(np.count_nonzero(dx))
        distinct_y += int(np.count_nonzero(dy))
    if not distinct_x or not distinct_y:
        return None
    return agreement / math.sqrt(distinct_x * distinct_y)


def spearman(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Return Spearman's rho of two equally long sequences, None where one of them is constant."""
    import numpy as np

    value = _weighted_rho(_codes(x), _codes(y), np.ones((1, len(x))))[0]
    return float(value) if math.isfinite(value) else None


def estimate_tau(
    x: Sequence[float], y: Sequence[float], groups: Sequence[object] | None = None, *, seed: int = 0
) -> Estimate | None:
    """Return tau-b with its 95 % bootstrap interval, None where one of the sequences is constant.

    Above 2,000 networks no interval is computed.
    """
    value = kendall(x, y, groups)
    if value is None or len(x) > _LARGEST:
        return None if value is None else Estimate(value)
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


def estimate_rho(x: Sequence[float], y: Sequence[float], *, seed: int = 0) -> Estimate | None:
    """Return Spearman's rho with its 95 % bootstrap interval, None where one sequence is constant."""
    value = spearman(x, y)
    if value is None or len(x) > _LARGEST:
        return None if value is None else Estimate(value)
    return from_resamples(value, _weighted_rho(_codes(x), _codes(y), resamples(len(x), seed)))


def top_overlap(x: Sequence[float], y: Sequence[float], share: float = 0.1) -> float:
    """Return how much of the best `share` by y is in the best `share` by x, in [0, 1].

    Of equal values at the edge each counts in part: what is returned is the mean over all ways
    to break the ties.
    """
    count = max(1, round(share * len(x)))
    return float((_membership(x, count) * _membership(y, count)).sum() / count)


def regret(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the best y less that of the best x, in the mean over equals."""
    best = max(x)
    chosen = [b for a, b in zip(x, y, strict=True) if a == best]
    return max(y) - sum(chosen) / len(chosen)


def _codes(values: Sequence[Any]) -> Any:
    """Return the position of each value among the different ones: infinities become ordinary."""
    import numpy as np

    return np.unique(np.asarray(values), return_inverse=True)[1].reshape(-1)


def _membership(values: Sequence[float], count: int) -> Any:
    import numpy as np

    codes = _codes(values)
    edge = np.sort(codes)[-count]
    above, equal = codes > edge, codes == edge
    return above + equal * ((count - above.sum()) / equal.sum())


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
