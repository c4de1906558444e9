"""Whether one of several things differs from a baseline for sure, over pairs of observations.

A difference is the mean over pairs with the interval of Student's t distribution (W. S. Gosset, Biometrika
6(1), 1908), which for a few pairs is as wide as it has to be. Where several are compared with one baseline,
some would differ by luck: their p-values are corrected together (S. Holm, Scandinavian Journal of Statistics
6(2), 1979).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import attrs

from snnplug.statistics.intervals import Estimate

__all__ = ["PairedTest", "holm", "paired_test"]


@attrs.frozen
class PairedTest:
    """The mean difference over pairs.

    Attributes:
        difference: with its 95 % interval, not corrected for other comparisons; none for a single pair.
        pairs: their number.
        p: two-sided p-value of no difference; None for a single pair.
    """

    difference: Estimate
    pairs: int
    p: float | None = None


def paired_test(values: Sequence[float], baseline: Sequence[float]) -> PairedTest:
    """Return the mean of values less those of a baseline, pair by pair.

    Raises:
        ValueError: there are no pairs, or not as many of both.
    """
    if len(values) != len(baseline) or not len(values):
        raise ValueError(f"{len(values)} values and {len(baseline)} of the baseline are no pairs")
    differences = [a - b for a, b in zip(values, baseline, strict=True)]
    n, mean = len(differences), statistics.fmean(differences)
    if n == 1:
        return PairedTest(Estimate(mean), 1)
    spread = statistics.stdev(differences) / math.sqrt(n)
    if spread == 0:
        return PairedTest(Estimate(mean, mean, mean), n, 1.0 if mean == 0 else 0.0)
    from scipy.stats import t

    half = float(t.ppf(0.975, n - 1)) * spread
    p = 2 * float(t.sf(abs(mean) / spread, n - 1))
    return PairedTest(Estimate(mean, mean - half, mean + half), n, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number: each times how many are no smaller, in the same order."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, worst = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        worst = max(worst, min(1.0, p_values[index] * (len(p_values) - place)))
        corrected[index] = worst
    return corrected
