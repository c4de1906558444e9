from __future__ import annotations

import random

import pytest

pytest.importorskip("numpy")

from snnplug.statistics.intervals import Estimate, estimate_mean, paired_difference, resamples


def test_resamples_draw_with_replacement_by_a_seed():
    drawn = resamples(7, seed=3)
    assert drawn.shape == (1000, 7)
    assert (drawn.sum(1) == 7).all()
    assert (drawn == resamples(7, seed=3)).all()
    assert (drawn != resamples(7, seed=4)).any()


def test_interval_of_a_mean_covers_it_about_as_often_as_it_says():
    rng, covered = random.Random(0), 0
    for number in range(200):
        values = [rng.gauss(2.0, 1.0) for _ in range(40)]
        estimate = estimate_mean(values, seed=number)
        assert estimate.low is not None and estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high
        covered += estimate.low <= 2.0 <= estimate.high
    assert 0.90 <= covered / 200 <= 0.98


def test_a_single_value_has_no_interval_and_none_is_an_error():
    assert estimate_mean([0.5]) == Estimate(0.5)
    assert str(Estimate(0.5)) == "0.500"
    with pytest.raises(ValueError, match="no values"):
        estimate_mean([])


def test_pairs_take_out_what_they_share():
    rng = random.Random(1)
    shared = [rng.gauss(0, 10) for _ in range(30)]
    one, other = [x + 1 + rng.gauss(0, 0.1) for x in shared], shared
    paired = paired_difference(one, other)
    assert paired.value == pytest.approx(1, abs=0.1)
    assert paired.high - paired.low < 0.2
    with pytest.raises(ValueError, match="zip"):
        paired_difference([1.0], [1.0, 2.0])
