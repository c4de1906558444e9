"""Rank correlations against values worked by hand, a brute-force count, and scipy where it is installed."""

from __future__ import annotations

import math
import random

import pytest

pytest.importorskip("numpy")

from snnplug.statistics.ranking import (
    Estimate,
    estimate_rho,
    estimate_tau,
    kendall,
    regret,
    spearman,
    top_overlap,
)


def test_tau_by_hand() -> None:
    assert kendall([1, 2, 3, 4], [1, 2, 3, 4]) == 1
    assert kendall([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(4 / 6)  # 5 concordant, 1 discordant
    assert kendall([1, 1, 2, 3], [1, 2, 3, 4]) == pytest.approx(5 / math.sqrt(5 * 6))
    assert kendall([1, 1], [1, 2]) is None


def test_tau_within_groups_by_hand() -> None:
    # across the groups every pair agrees; within them one of two pairs does
    x, y, groups = [1, 2, 11, 12], [1, 2, 12, 11], ["a", "a", "b", "b"]
    assert kendall(x, y) == pytest.approx(4 / 6)
    assert kendall(x, y, groups) == 0
    assert kendall([1, 2], [1, 2], ["a", "b"]) is None


def test_minus_infinity_is_the_least() -> None:
    assert kendall([-math.inf, 1, 2], [1, 2, 3]) == 1
    assert kendall([-math.inf, -math.inf, 2], [1, 2, 3]) == pytest.approx(2 / math.sqrt(2 * 3))


def test_rho_by_hand() -> None:
    assert spearman([1, 2, 3, 4], [10, 20, 30, 25]) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert spearman([1, 1, 2], [1, 2, 3]) == pytest.approx(math.sqrt(3) / 2)  # ranks 1.5 1.5 3 and 1 2 3
    assert spearman([1, 1], [1, 2]) is None


def test_same_as_scipy_with_ties() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(0)
    x = [rng.randrange(12) for _ in range(300)]
    y = [a + rng.randrange(9) for a in x]
    assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


def test_bootstrap_interval_is_that_of_resampled_lists() -> None:
    import numpy as np

    rng = np.random.default_rng(1)
    x = rng.integers(0, 10, 40)
    y = x + rng.integers(0, 12, 40)
    groups = list(rng.integers(0, 2, 40))
    drawn = np.random.default_rng(5).integers(0, 40, (1000, 40))
    taus = [kendall(x[row], y[row], [groups[i] for i in row]) for row in drawn]
    low, high = np.percentile(taus, [2.5, 97.5])
    estimate = estimate_tau(list(x), list(y), groups, seed=5)
    assert estimate == Estimate(kendall(x, y, groups), pytest.approx(low), pytest.approx(high))
    low, high = np.percentile([spearman(x[row], y[row]) for row in drawn], [2.5, 97.5])
    assert estimate_rho(list(x), list(y), seed=5) == Estimate(
        spearman(x, y), pytest.approx(low), pytest.approx(high)
    )


def test_interval_of_a_known_correlation_covers_it() -> None:
    import numpy as np

    rng = np.random.default_rng(2)
    x = rng.normal(size=200)
    y = x + rng.normal(size=200)  # correlation 1/sqrt(2): tau = 2/pi asin(r) = 1/2
    estimate = estimate_tau(list(x), list(y))
    assert estimate is not None and estimate.low is not None and estimate.high is not None
    assert estimate.low < 0.5 < estimate.high
    assert 0.08 < estimate.high - estimate.low < 0.25


def test_no_interval_where_it_would_take_long() -> None:
    values = list(range(2001))
    assert estimate_tau(values, values) == Estimate(1.0)
    assert str(Estimate(0.5)) == "0.500"
    assert str(Estimate(0.5, 0.25, 0.75)) == "0.500 [0.25, 0.75]"


def test_top_overlap_by_hand() -> None:
    y = list(range(20))
    assert top_overlap(y, y) == 1
    assert top_overlap([-v for v in y], y) == 0
    assert top_overlap([0] * 20, y) == pytest.approx(0.1)  # any 2 of 20
    assert top_overlap([*range(18), 50, -1], y) == 0.5


def test_regret_by_hand() -> None:
    assert regret([1, 2, 3], [0.7, 0.9, 0.8]) == pytest.approx(0.1)
    assert regret([1, 3, 3], [0.9, 0.8, 0.6]) == pytest.approx(0.2)  # mean of the two equals is 0.7
