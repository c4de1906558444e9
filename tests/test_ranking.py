"""Rank correlations against values worked by hand, a brute-force count, and scipy where it is installed."""

from __future__ import annotations

import math
import random

import pytest

pytest.importorskip("numpy")

from snnplug.statistics.ranking import Estimate, estimate_rho, estimate_tau, kendall, spearman


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


def test_many_networks_have_the_interval_of_the_bootstrap_without_resampling() -> None:
    rng = random.Random(0)
    x = [rng.randrange(9) for _ in range(1500)]
    y = [a + rng.randrange(12) for a in x]
    groups = [rng.randrange(3) for _ in x]
    alone = range(len(x))
    for group in (None, groups):
        drawn, found = estimate_tau(x, y, group), estimate_tau(x, y, group, clusters=alone)
        assert drawn is not None and found is not None and found.value == drawn.value
        assert found.low == pytest.approx(drawn.low, abs=0.003)
        assert found.high == pytest.approx(drawn.high, abs=0.003)
    many = estimate_tau(x * 2, y * 2)  # above 2,000
    assert many is not None and many.low is not None and many.high is not None
    assert many.low < many.value < many.high


def test_what_is_observed_together_counts_once() -> None:
    rng = random.Random(0)
    x = [rng.random() for _ in range(300)]
    y = [a + rng.random() for a in x]
    once = estimate_tau(x, y, clusters=range(300))
    four = estimate_tau(x * 4, y * 4, clusters=[*range(300)] * 4)
    assert once is not None and four is not None
    assert four.high - four.low == pytest.approx(once.high - once.low, rel=0.02)


def test_an_estimate_as_text() -> None:
    assert str(Estimate(0.5)) == "0.500"
    assert str(Estimate(0.5, 0.25, 0.75)) == "0.500 [0.25, 0.75]"
