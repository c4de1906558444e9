"""Gaussian processes on features, averaged by how well each explains what was observed.

    y = m + g(x) + noise        covariance of g: 5 linear(prior) + linear(features) + w rbf(features / l)

The linear part of the prior lets few observations be read as "the prior, and a little more". The weight w,
the length l and the share of noise are not fitted but averaged over, by marginal likelihood; the mean m has
a wide prior, and the scale of all is the likeliest. Rasmussen and Williams, Gaussian Processes for Machine
Learning, MIT Press 2006, chapters 2 and 5. The regressions are scikit-learn's. Weights, lengths and shares
were chosen on one half of SpikeNAS-Bench.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, Kernel

__all__ = ["Mixture", "Prediction"]

_PRIOR = 5.0  # weight of the linear kernel of the prior; that of the features has 1
_WEIGHTS = (0.5, 1.5, 4.0)
_LENGTHS = (0.7, 1.2)  # for a feature of variance 1, in units of the root of their number
_NOISE = (0.05, 0.15, 0.4, 0.8)
_MEAN = 10.0  # standard deviation of the mean
_FAR = 1e6  # a length over which nothing changes


class Prediction(NamedTuple):
    """What is expected of each candidate, and how uncertain that is, a single observation's noise aside."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


class Mixture:
    """Processes on a pool of candidates.

    Args:
        features: standardised, `[candidates, features]`.
        prior: standardised, `[candidates, priors]`; `[candidates, 0]` without one.
    """

    def __init__(self, features: NDArray[np.float64], prior: NDArray[np.float64]) -> None:
        self._priors = prior.shape[1]
        self._points = np.hstack([math.sqrt(_PRIOR) * prior, features / math.sqrt(max(features.shape[1], 1))])
        if not self._points.shape[1]:  # nothing tells the candidates apart
            self._points = np.zeros((len(prior), 1))
        self._signal = float((self._points**2).sum(1).mean())
        self._fitted: list[tuple[float, float, GaussianProcessRegressor]] = []

    def fit(self, rows: NDArray[np.intp], values: NDArray[np.float64]) -> None:
        """Learn from the values of some candidates, given by their rows."""
        points, self._fitted = self._points[rows], []
        for weight, length, share in itertools.product(_WEIGHTS, _LENGTHS, _NOISE):
            noise = share / (1 - share) * (self._signal + weight)
            process = GaussianProcessRegressor(self._kernel(weight, length), alpha=noise, optimizer=None)
            process.fit(points, values)
            explained = float(values @ process.alpha_)
            scale = max(explained / len(values), 1e-12)
            likelihood = process.log_marginal_likelihood_value_ + explained / 2
            likelihood -= len(values) / 2 * (math.log(scale) + 1)
            self._fitted.append((likelihood, scale, process))

    def predict(self, rows: NDArray[np.intp]) -> Prediction:
        """Return what is expected of candidates, given by their rows."""
        likelihoods = np.array([likelihood for likelihood, _, _ in self._fitted])
        shares = np.exp(likelihoods - likelihoods.max())
        shares /= shares.sum()
        mean = np.zeros(len(rows))
        square = np.zeros(len(rows))
        for share, (_, scale, process) in zip(shares, self._fitted, strict=True):
            if share > 1e-3:
                middle, deviation = process.predict(self._points[rows], return_std=True)
                mean += share * middle
                square += share * (scale * deviation**2 + middle**2)
        return Prediction(mean, np.sqrt(np.maximum(square - mean**2, 0.0)))

    def _kernel(self, weight: float, length: float) -> Kernel:
        lengths = [_FAR] * self._priors + [length] * (self._points.shape[1] - self._priors)
        return DotProduct(_MEAN, "fixed") + ConstantKernel(weight, "fixed") * RBF(lengths, "fixed")
