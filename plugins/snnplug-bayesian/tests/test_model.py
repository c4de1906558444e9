from __future__ import annotations

import math
import random

import numpy as np
import pytest
from scipy.stats import kendalltau, rankdata
from snnplug_bayesian import model
from snnplug_bayesian.acquisition import (
    best_first,
    expected_improvement,
    expected_trade_off,
    random_weights,
    trade_off,
)
from snnplug_bayesian.learner import kept_of
from snnplug_bayesian.model import Mixture, Prediction
from snnplug_bayesian.ranks import normal_scores, rounded, score_at


def test_normal_scores():
    values = [3.0, math.nan, 1.0, 3.0, -math.inf, 8.0]
    ranks = rankdata([3.0, -1e9, 1.0, 3.0, -1e9, 8.0])
    from scipy.stats import norm

    assert normal_scores(values) == pytest.approx(norm.ppf((ranks - 0.5) / 6))
    assert normal_scores([0.1 + 0.2, 0.3]) == pytest.approx([0, 0])  # equal but for rounding


def test_scores_come_back_from_normal_scores():
    values = [0.1, 0.5, 0.2, 0.9, 0.4]
    assert [score_at(z, values) for z in normal_scores(values)] == pytest.approx(values)
    line = [score_at(z, values) for z in np.linspace(-4, 4, 50)]
    assert line == sorted(line) and line[0] < 0.1 and line[-1] > 0.9
    assert score_at(1.0, [0.3]) == 0.3


def data(n=60, seed=0):
    rng = np.random.default_rng(seed)
    features, prior = rng.normal(size=(n, 4)), rng.normal(size=(n, 1))
    return features, prior, prior[:, 0] + features[:, 1] + 0.1 * rng.normal(size=n)


def test_one_process_is_a_gaussian_process_as_in_the_textbook(monkeypatch):
    monkeypatch.setattr(model, "_WEIGHTS", (1.5,))
    monkeypatch.setattr(model, "_LENGTHS", (0.7,))
    monkeypatch.setattr(model, "_NOISE", (0.2,))
    features, prior, y = data()
    mixture, rows = Mixture(features, prior), np.arange(40)
    mixture.fit(rows, y[rows])
    found = mixture.predict(np.arange(60))
    squares = ((features[:, None] - features[None]) ** 2).sum(-1)
    linear = 5 * prior @ prior.T + features @ features.T / 4
    K = 100 + linear + 1.5 * np.exp(-squares / 4 / 2 / 0.7**2)
    noise = 0.2 / 0.8 * (np.trace(linear) / 60 + 1.5)
    inverse = np.linalg.inv(K[:40, :40] + noise * np.eye(40))
    scale = y[:40] @ inverse @ y[:40] / 40
    assert found.mean == pytest.approx(K[:, :40] @ inverse @ y[:40], abs=1e-6)
    variance = np.diag(K - K[:, :40] @ inverse @ K[:40])
    assert found.deviation == pytest.approx(np.sqrt(scale * variance), rel=1e-4)


def test_the_mixture_prefers_what_explains_more():
    features, prior, y = data()
    mixture = Mixture(features, prior)
    mixture.fit(np.arange(40), y[:40])
    likelihoods = [likelihood for likelihood, _, _ in mixture._fitted]
    noises = [process.alpha for _, _, process in mixture._fitted]
    assert noises[int(np.argmax(likelihoods))] == min(noises)
    found = mixture.predict(np.arange(60))
    assert kendalltau(found.mean[40:], y[40:])[0] > 0.75
    mixture.fit(np.arange(40), 3 * y[:40])
    assert mixture.predict(np.arange(60)).mean == pytest.approx(3 * found.mean, abs=1e-6)
    assert mixture.predict(np.arange(60)).deviation == pytest.approx(3 * found.deviation, rel=1e-6)


def test_few_observations_leave_the_prior_in_charge():
    features, prior, _ = data()
    mixture = Mixture(features, prior)
    mixture.fit(np.arange(6), normal_scores(prior[:6, 0].tolist()))
    assert kendalltau(mixture.predict(np.arange(60)).mean, prior[:, 0])[0] > 0.6


def test_without_a_prior_and_without_features():
    features, _, y = data()
    for left in (features, features[:, :0]):
        mixture = Mixture(left, np.zeros((60, 0)))
        mixture.fit(np.arange(40), y[:40])
        assert np.isfinite(mixture.predict(np.arange(60)).mean).all()


def test_expected_improvement_is_that_of_many_draws():
    prediction = Prediction(np.array([0.0, 1.0, -2.0]), np.array([1.0, 0.5, 3.0]))
    draws = prediction.mean + prediction.deviation * np.random.default_rng(0).standard_normal((200_000, 3))
    assert expected_improvement(prediction, 0.7) == pytest.approx(
        np.maximum(draws - 0.7, 0).mean(0), abs=0.01
    )
    certain = Prediction(np.array([0.5, 2.0]), np.zeros(2))
    assert expected_improvement(certain, 0.7) == pytest.approx([0.0, 1.3])


def test_trade_offs():
    assert trade_off(np.array([[2.0, 4.0]]), np.array([0.5, 0.5])) == pytest.approx([1 + 0.05 * 3])
    weights = random_weights(3, random.Random(0))
    assert weights.sum() == pytest.approx(1) and (weights > 0).all()
    goals = [Prediction(np.array([1.0, 3.0]), np.zeros(2)), Prediction(np.array([1.0, 3.0]), np.zeros(2))]
    found = expected_trade_off(goals, np.array([0.5, 0.5]), 1.0, random.Random(0))
    assert found == pytest.approx([0.0, trade_off(np.array([3.0, 3.0]), np.array([0.5, 0.5])) - 1.0])


def test_the_best_first_and_equals_in_order():
    assert best_first(np.array([0.3, 1.0, 0.1 + 0.2, 2.0])).tolist() == [3, 1, 0, 2]


def test_what_is_fitted_of_many():
    scores = [float(i % 10) for i in range(100)]
    kept = kept_of(scores, 20)
    assert len(kept) == len(set(kept)) == 20 and kept == sorted(kept)
    assert sum(scores[i] == 9.0 for i in kept) >= 10
    assert min(scores[i] for i in kept) < 3
    assert kept_of(scores[:20], 20) == list(range(20))
    assert len(kept_of(scores, 3)) == 3


def test_numbers_are_rounded_to_nine_digits():
    values = np.array([0.1 + 0.2, -123456789.6, 0.0, math.inf, -math.inf, 1e-30, 2.5e300])
    assert rounded(values).tolist() == pytest.approx(
        [0.3, -123456790.0, 0.0, math.inf, -math.inf, 1e-30, 2.5e300]
    )
    assert rounded(values)[0] == rounded(np.array([0.3]))[0]
