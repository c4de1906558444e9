"""What choosing by a predictor finds: how many of the best networks, and the best of the first k trained.

Where predictions are equal, every order of them counts: figures are means over all. Intervals are of the
same resamples as all others (`snnplug.statistics.intervals`), in each of which equal predictions stand in an
order of their own: they hold the luck of one who trains k networks. A network drawn twice is trained twice.

Minus infinity is a number like any other here, the least; NaN is not allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from snnplug.statistics.intervals import RESAMPLES, Estimate, from_resamples

__all__ = ["FIRST", "Choice", "estimate_choice", "regret", "top_overlap"]

FIRST = (1, 5, 10, 20, 50)  # how many are trained
_SHARE = 0.1


class Choice(NamedTuple):
    """What choosing by a predictor finds.

    Attributes:
        top_overlap: share of the best tenth that is in the tenth that is predicted to be best.
        regret: by k, how far the best of the first k lies below the best of all; k up to half of all.
    """

    top_overlap: Estimate
    regret: dict[int, Estimate]


def top_overlap(x: Sequence[float], y: Sequence[float], share: float = _SHARE) -> float:
    """Return how much of the best `share` by y is in the best `share` by x, in [0, 1].

    Of equal values at the edge each counts in part: what is returned is the mean over all ways
    to break the ties.
    """
    count = max(1, round(share * len(x)))
    return float((_membership(x, count) * _membership(y, count)).sum() / count)


def regret(x: Sequence[float], y: Sequence[float], k: int = 1) -> float:
    """Return the best y less the best y of the k members with the best x, in the mean over equals.

    Args:
        x, y: equally long.
        k: at most their length.
    """
    edge = sorted(x)[-k]
    sure = [b for a, b in zip(x, y, strict=True) if a > edge]
    equal = sorted((b for a, b in zip(x, y, strict=True) if a == edge), reverse=True)
    drawn = k - len(sure)
    best, mean = max(sure, default=min(y)), 0.0
    chance = drawn / len(equal)  # that the best of those drawn is the first, then the second, ...
    for place, value in enumerate(equal[: len(equal) - drawn + 1]):
        mean += chance * max(best, value)
        left = len(equal) - place - 1
        chance *= (left - drawn + 1) / left if left else 0.0
    return max(y) - mean


def estimate_choice(x: Sequence[float], y: Sequence[float], *, seed: int = 0) -> Choice:
    """Return what choosing by x finds of the members with the best y."""
    import numpy as np

    size = len(x)
    firsts = [k for k in FIRST if k <= max(1, size / 2)]
    score, worth = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    count = max(1, round(_SHARE * size))
    drawn = np.random.default_rng(seed).integers(0, size, (RESAMPLES, size))
    overlaps, regrets = [], []
    for rows in drawn:
        a, b = score[rows], worth[rows]
        order = np.argsort(-a, kind="stable")  # equals stay in the order that was drawn
        best = np.argsort(-b, kind="stable")
        overlaps.append(len(np.intersect1d(order[:count], best[:count])) / count)
        reached = np.maximum.accumulate(b[order[: firsts[-1]]])
        regrets.append(b.max() - reached[[k - 1 for k in firsts]])
    columns = np.array(regrets).T
    return Choice(
        from_resamples(top_overlap(x, y), overlaps),
        {k: from_resamples(regret(x, y, k), column) for k, column in zip(firsts, columns, strict=True)},
    )


def _membership(values: Sequence[float], count: int) -> Any:
    """Return how far each is among the `count` best: 1, 0, or its part where equals share the last places."""
    import numpy as np

    numbers = np.asarray(values, dtype=float)
    edge = np.sort(numbers)[-count]
    above, equal = numbers > edge, numbers == edge
    return above + equal * ((count - above.sum()) / equal.sum())
