"""What choosing by a predictor finds, against values worked by hand and a count over all orders."""

from __future__ import annotations

import itertools
import random
import statistics

import pytest

pytest.importorskip("numpy")

from snnplug.statistics.choosing import estimate_choice, regret, top_overlap


def test_top_overlap_by_hand() -> None:
    y = list(range(20))
    assert top_overlap(y, y) == 1
    assert top_overlap([-v for v in y], y) == 0
    assert top_overlap([0] * 20, y) == pytest.approx(0.1)  # any 2 of 20
    assert top_overlap([*range(18), 50, -1], y) == 0.5


def test_regret_by_hand() -> None:
    assert regret([1, 2, 3], [0.7, 0.9, 0.8]) == pytest.approx(0.1)
    assert regret([1, 3, 3], [0.9, 0.8, 0.6]) == pytest.approx(0.2)  # mean of the two equals is 0.7


def test_regret_after_k_is_the_mean_over_all_orders_of_equals() -> None:
    rng = random.Random(0)
    for _ in range(40):
        x = [rng.randrange(3) for _ in range(6)]
        y, by = [rng.random() for _ in range(6)], [rng.random() for _ in range(6)]
        for k in range(1, 7):
            best, chosen = [], []
            for order in itertools.permutations(range(6)):
                first = sorted(order, key=lambda i: -x[i])[:k]
                best.append(max(y) - max(y[i] for i in first))
                chosen.append(max(y) - y[max(first, key=lambda i: by[i])])
            assert regret(x, y, k) == pytest.approx(statistics.fmean(best))
            assert regret(x, y, k, by) == pytest.approx(statistics.fmean(chosen))


def test_intervals() -> None:
    rng = random.Random(0)
    y = [rng.random() for _ in range(200)]
    perfect = estimate_choice(y, y)
    assert perfect.top_overlap.value == perfect.top_overlap.low == 1
    assert {k: (e.value, e.high) for k, e in perfect.regret.items()} == dict.fromkeys(
        (1, 5, 10, 20, 50), (0, 0)
    )
    chance = estimate_choice([0.0] * 200, y)
    assert chance.top_overlap.value == pytest.approx(0.1)
    means = [e.value for e in chance.regret.values()]
    assert means == sorted(means, reverse=True)
    assert means[0] == pytest.approx(max(y) - statistics.fmean(y))
    for estimate in chance.regret.values():
        assert estimate.low is not None and estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high
    assert estimate_choice([0.0] * 200, y) == chance  # the same resamples
    worst = estimate_choice(y, y, by=[-value for value in y])  # of the first k the last is taken
    assert worst.regret[5].value == pytest.approx(max(y) - sorted(y)[-5])
    assert set(estimate_choice([1, 2, 3], [1, 2, 3]).regret) == {1}
