"""What choosing by a predictor finds: how many of the best networks, and which of the first k trained.

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
        regret: by k, how far the one chosen of the first k lies below the best of all; k up to half of all.
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


def regret(x: Sequence[float], y: Sequence[float], k: int = 1, by: Sequence[float] | None = None) -> float:
    """Return the best y less the y of one of the k with the best x, in the mean over equals.

    Args:
        x, y: equally long.
        k: at most their length.
        by: what one of the k is chosen by, such as validation accuracies where y are of test data; else y.
    """
    edge = sorted(x)[-k]
    rows = sorted(zip(x, by if by is not None else y, y, strict=True), key=lambda row: -row[1])
    sure = [place for place, (a, _, _) in enumerate(rows) if a > edge]
    equal = [place for place, (a, _, _) in enumerate(rows) if a == edge]
    drawn, mean = k - len(sure), 0.0
    chance = drawn / len(equal)  # that the best of those drawn is the first, then the second, ...
    for number, place in enumerate(equal[: len(equal) - drawn + 1], 1):
        mean += chance * rows[min([place, *sure[:1]])][2]
        left = len(equal) - number
        chance *= (left - drawn + 1) / left if left else 0.0
    return max(y) - mean


def estimate_choice(
    x: Sequence[float], y: Sequence[float], *, by: Sequence[float] | None = None, seed: int = 0
) -> Choice:
    """Return what choosing by x finds of the members with the best y; `by` as for `regret`."""
    import numpy as np

    size = len(x)
    firsts = [k for k in FIRST if k <= max(1, size / 2)]
    count = max(1, round(_SHARE * size))
    a, b = _ranks(x), _ranks(y)
    worth, judged = np.asarray(y, dtype=float), np.asarray(y if by is None else by, dtype=float)
    overlaps, regrets = [], []
    for rows in np.random.default_rng(seed).integers(0, size, (RESAMPLES, size)):
        order = np.argsort(a[rows], kind="stable")  # equals stay in the order in which they were drawn
        best = np.argsort(b[rows], kind="stable")
        among = np.zeros(size, dtype=bool)
        among[best[:count]] = True
        overlaps.append(among[order[:count]].sum() / count)
        first = rows[order[: firsts[-1]]]
        chosen = [first[np.argmax(judged[first[:k]])] for k in firsts]
        regrets.append(worth[rows[best[0]]] - worth[chosen])
    return Choice(
        from_resamples(top_overlap(x, y), overlaps),
        {
            k: from_resamples(regret(x, y, k, by), column)
            for k, column in zip(firsts, np.array(regrets).T, strict=True)
        },
    )


def _ranks(values: Sequence[float]) -> Any:
    """Return 0 for the best, 1 for the next, equals alike; in the smallest type, which is sorted fastest."""
    import numpy as np

    ranks = np.unique(-np.asarray(values, dtype=float), return_inverse=True)[1].reshape(-1)
    return ranks.astype(np.min_scalar_type(len(ranks)))


def _membership(values: Sequence[float], count: int) -> Any:
    """Return how far each is among the `count` best: 1, 0, or its part where equals share the last places."""
    import numpy as np

    numbers = np.asarray(values, dtype=float)
    edge = np.sort(numbers)[-count]
    above, equal = numbers > edge, numbers == edge
    return above + equal * ((count - above.sum()) / equal.sum())
