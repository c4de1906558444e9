"""Scales and kernels from potentials, against searches and gradients written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from snnplug_codings import kernel_fit
from snnplug_codings.fs import FS
from snnplug_codings.kernel_fit import Kernel, fit_by_losses
from snnplug_codings.qcfs import QCFS
from snnplug_codings.rate import Rate
from snnplug_codings.scale import percentile_of, scale_of
from snnplug_codings.t2fsnn import T2FSNN
from snnplug_codings.windowed_rate import WindowedRate
from torch.testing import assert_close


def samples(n=1500, channels=3, seed=0):
    """Potentials `[n, C]` with a long tail, as layers have, of which a part is negative."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, channels, generator=generator, dtype=torch.float64)
    return x.exp() - 1


def error_of(neuron, x):
    with torch.no_grad():
        return neuron.error(x)


@pytest.mark.parametrize("percentile", [50.0, 99.9, 100.0])
def test_percentile_is_numpys_of_the_positive_numbers(percentile):
    rows = torch.cat([samples().T, torch.tensor([[-1.0, 2.0, 0.0]], dtype=torch.float64).repeat(1, 500)])
    rows = torch.cat([rows, -torch.ones(1, 1500, dtype=torch.float64)])
    found = percentile_of(rows, percentile)
    for row, one in zip(rows[:-1], found[:-1], strict=True):
        positive = row[row > 0].numpy()
        assert float(one) == pytest.approx(np.percentile(positive, percentile), rel=1e-12)
    assert float(found[-1]) == 0


def test_a_layer_or_channel_that_never_sends_has_the_scale_one():
    x = samples()
    x[:, 1] = -1.0
    for norm in ("max", "percentile", "mse"):
        found = scale_of(x, norm=norm, percentile=99.9, per_channel=True, levels=4)
        assert float(found[1]) == 1
        assert float(found[0]) > 0.5
        assert float(scale_of(x[:, 1:2], norm=norm, percentile=99.9, per_channel=False, levels=4)) == 1


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(("levels", "top"), [(4, 4), (16, 15)])
def test_search_finds_the_candidate_of_least_error(levels, top, half):
    x = samples(600)
    positive = x.relu().numpy()
    errors = []
    candidates = [float(x.max()) * (1 - 0.01 * i) for i in range(95)]
    for theta in candidates:
        d = np.clip(np.floor(positive * levels / theta + half / 2), 0, top) * theta / levels
        errors.append(((d - positive) ** 2).mean())
    found = scale_of(x, norm="mse", percentile=99.9, per_channel=False, levels=levels, top=top, half=half)
    assert float(found) == pytest.approx(candidates[int(np.argmin(errors))], rel=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda **norm: WindowedRate(steps=4, **norm),
        lambda **norm: FS(steps=3, **norm),
        lambda **norm: QCFS(levels=4, **norm),
    ],
    ids=["windowed_rate", "fs", "qcfs"],
)
@pytest.mark.parametrize("per_channel", [False, True])
def test_search_is_not_worse_than_the_other_norms(make, per_channel):
    x, errors = samples(), {}
    for norm in ("max", "percentile", "mse"):
        neuron = make(norm=norm, per_channel=per_channel).double()
        neuron.start(x)
        errors[norm] = error_of(neuron, x)
    assert errors["mse"] < errors["percentile"] <= errors["max"]


def test_rate_and_windowed_rate_find_the_same_scale():
    x = samples()
    for norm in ("max", "percentile", "mse"):
        rate, window = Rate(norm=norm, steps=8).double(), WindowedRate(norm=norm, steps=8).double()
        rate.start(x)
        window.start(x)
        assert torch.equal(rate.theta, window.theta)


def test_one_step_of_go_is_down_the_gradients_of_its_losses(monkeypatch):
    monkeypatch.setattr(kernel_fit, "_STEPS", 1)
    S, x = 80, samples(500, 1).T
    begin = Kernel(x.amax(-1), torch.tensor([20.0]).double(), torch.tensor([-2.0]).double())
    found = fit_by_losses(x, begin, S)

    a = x.relu() / begin.theta
    tau, delay = begin.tau.clone().requires_grad_(), begin.delay
    times = torch.full_like(a, float(S))
    for t in reversed(range(S)):
        times = torch.where(a >= torch.exp(-(t - delay) / begin.tau), float(t), times)
    decoded = torch.where(times < S, torch.exp(-(times - delay) / tau), 0.0)
    terms = ((a - decoded) * decoded * (times - delay)).detach() > 0
    precision = 0.5 * ((a - decoded).square() * terms).sum() / terms.sum()
    lower = 0.5 * (a.quantile(0.02) - torch.exp(-(S - delay) / tau)).square().sum()
    (slope,) = torch.autograd.grad(10 * precision + 100 * lower, tau)
    new_tau = begin.tau - slope
    assert_close(found.tau, new_tau)

    delay = begin.delay.clone().requires_grad_()
    earliest = min(t for t in range(S) if float(a.max()) >= float(torch.exp(-(t - begin.delay) / new_tau)))
    top = torch.exp(-(earliest - begin.delay) / new_tau)
    (slope,) = torch.autograd.grad(0.5 * (top - torch.exp(delay / new_tau)).square().sum(), delay)
    assert_close(found.delay, begin.delay - slope)
    assert_close(found.theta, begin.theta)


@pytest.mark.parametrize("thresholds", ["midpoints", "paper"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_kernels_get_nearer_to_the_relu(thresholds, per_channel):
    x, errors = samples(), {}
    for fit in ("go", "least_squares"):
        neuron = T2FSNN(slots=16, tau=4.0, fit=fit, thresholds=thresholds, per_channel=per_channel).double()
        neuron.materialize(3, x)
        errors["neither"] = error_of(neuron, x)
        neuron.start(x)
        errors[fit] = error_of(neuron, x)
    assert errors["least_squares"] < errors["go"] < errors["neither"]
    assert errors["least_squares"] < 0.05 * float(x.relu().square().mean())


def test_what_calibrates_worse_is_left():
    x = samples()
    neuron = WindowedRate(steps=8, norm="mse").double()
    neuron.calibrate(x)
    theta, neuron.norm = neuron.theta.item(), "max"
    neuron.calibrate(x)
    assert neuron.theta.item() == theta
    neuron.start(x)
    assert neuron.theta.item() == x.max()
