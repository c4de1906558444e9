"""Window codes against their definitions, written out spike by spike."""

from __future__ import annotations

import math

import pytest
import torch
from snnplug_codings.fs import FS
from snnplug_codings.qcfs import QCFS
from snnplug_codings.rate import Rate
from snnplug_codings.t2fsnn import T2FSNN
from snnplug_codings.windowed_rate import WindowedRate
from torch.testing import assert_close

from snnplug.errors import ContractError


def potentials(low, high, n=2000, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(1, 1, n, generator=generator, dtype=torch.float64)


def window(neuron, v):
    """Return what a float64 neuron sends for potentials `[1, 1, n]`, as rows `[n][R]`."""
    neuron = neuron.double()
    neuron.domain = "event"
    with torch.no_grad():
        return neuron(v)[:, 0].T.tolist()


def few_spikes(v, alpha, steps, *, strict):
    sent = []
    for i in range(1, steps + 1):
        threshold = alpha * 2.0**-i
        fires = v > threshold if strict else v >= threshold
        sent.append(threshold if fires else 0.0)
        v -= sent[-1]
    return sent


@pytest.mark.parametrize(("alpha", "steps"), [(25.0, 10), (3.0, 4), (1.0, 1)])
@pytest.mark.parametrize("thresholds", ["paper", "strict"])
def test_fs_is_the_published_loop(alpha, steps, thresholds):
    levels = torch.arange(-2, 2**steps + 2, dtype=torch.float64) * (alpha / 2**steps)
    v = torch.cat([potentials(-0.2 * alpha, 1.2 * alpha)[0, 0], levels]).view(1, 1, -1)
    found = window(FS(steps=steps, theta=alpha, thresholds=thresholds), v)
    expected = [few_spikes(one, alpha, steps, strict=thresholds == "strict") for one in v.flatten().tolist()]
    assert found == expected


def test_fs_paper_is_the_published_fast_path_and_strict_loses_a_digit_at_levels():
    v = torch.arange(-50, 1100, dtype=torch.float64).view(1, 1, -1) * (25 / 1024)
    fast = (v.clamp(0, 25 * (1 - 2.0**-10)) * 1024 / 25).floor() * 25 / 1024
    with torch.no_grad():
        assert torch.equal(FS(thresholds="paper").double()(v), fast)
        strict = FS(thresholds="strict").double()(v)
    inside = (v > 0) & (v < 25)
    assert_close((fast - strict)[inside], torch.full_like(fast[inside], 25 / 1024), rtol=0, atol=0)
    assert torch.equal(strict[~inside], fast[~inside])


def integrate_and_fire(x, theta, steps, v=0.0):
    sent = []
    for _ in range(steps):
        v += x
        sent.append(theta if v >= theta else 0.0)
        v -= sent[-1]
    return sent


@pytest.mark.parametrize("steps", [1, 4, 16])
@pytest.mark.parametrize(("thresholds", "start"), [("paper", 0.0), ("midpoints", 0.75)])
def test_windowed_rate_counts_what_integrate_and_fire_sends(steps, thresholds, start):
    v = potentials(-1.0, 3.0, 500)
    sent = window(WindowedRate(steps=steps, theta=1.5, thresholds=thresholds), v)
    for one, entries in zip(v.flatten().tolist(), sent, strict=True):
        n = sum(spike > 0 for spike in integrate_and_fire(one, 1.5, steps, start))
        assert entries == [1.5 / steps] * n + [0.0] * (steps - n)


@pytest.mark.parametrize("parameters", [{}, {"slots": 7, "theta": 2.5, "tau": 2.0, "delay": -1.5}])
def test_t2fsnn_is_the_first_crossing(parameters):
    neuron = T2FSNN(thresholds="paper", **parameters)
    theta, tau, delay = (getattr(neuron, name).item() for name in ("theta", "tau", "delay"))
    v = potentials(-0.2, 3.0)
    for one, entries in zip(v.flatten().tolist(), window(neuron, v), strict=True):
        expected = [0.0] * neuron.slots
        for t in range(neuron.slots):
            threshold = theta * math.exp(-(t - delay) / tau)
            if one >= threshold:
                expected[t] = threshold
                break
        assert entries == pytest.approx(expected, rel=1e-14, abs=0)


@pytest.mark.parametrize(
    "neuron",
    [WindowedRate(steps=5), WindowedRate(steps=5, per_channel=True), FS(steps=4, theta=1.0), T2FSNN(slots=9)],
    ids=lambda neuron: f"{type(neuron).__name__}-{neuron.per_channel}",
)
def test_midpoints_send_the_nearest_value(neuron):
    v, neuron = potentials(-0.5, 2.0), neuron.double()
    with torch.no_grad():
        found = neuron(v)
        levels = neuron.code().levels.view(-1, neuron.code().levels.shape[-1])[0]
    nearest = (v.unsqueeze(-1) - levels).abs().amin(-1)
    assert_close((v - found).abs(), nearest, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("neuron", "unit", "top"), [(WindowedRate(steps=5), 0.2, 1.0), (FS(steps=4, theta=1.0), 1 / 16, 15 / 16)]
)
def test_error_is_at_most_half_a_unit_and_cut_down_less_than_one(neuron, unit, top):
    v = potentials(0.0, top)
    with torch.no_grad():
        assert (v - neuron.double()(v)).abs().max() <= unit / 2 + 1e-12
        neuron.thresholds = "paper"
        lost = v - neuron(v)
    assert lost.min() >= 0
    assert 0.9 * unit < lost.max() < unit


def test_qcfs_is_the_printed_formula():
    L, lam, v = 6, 1.7, potentials(-1.0, 3.0)
    q = ((v * L / lam + 0.5).floor() / L).clamp(0, 1)
    assert_close(QCFS(levels=L, theta=lam).double()(v), lam * q, rtol=1e-7, atol=1e-7)  # theta is a float32


@pytest.mark.parametrize("domain", ["value", "event"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_qcfs_gradients_are_those_of_the_published_code(domain, per_channel):
    L, lam = 4, 2.0
    neuron = QCFS(levels=L, theta=lam, per_channel=per_channel).double()
    neuron.domain = domain
    values = torch.tensor([-0.3, 0.1, 0.6, 1.2, 1.9, 2.1, 7.0], dtype=torch.float64)
    weight = torch.tensor([1.0, 2.0, 3.0, 5.0, 7.0, 11.0, 13.0], dtype=torch.float64)
    v = values.view(1, -1, 1).requires_grad_()
    (neuron(v).sum(0).flatten() * weight).sum().backward()
    q = torch.tensor([0, 0, 0.25, 0.5, 1.0, 1.0, 1.0], dtype=torch.float64)
    inside = (values >= 0) & (values <= lam)
    slope = torch.where(inside, q - values / lam, (values > lam).double())
    assert_close(v.grad.flatten(), weight * inside)
    assert_close(neuron.theta.grad.sum(), (weight * slope).sum())


@pytest.mark.parametrize("L", [1, 4, 8])
def test_qcfs_sends_what_the_rate_network_with_its_weights_sends(L):
    qcfs, rate = QCFS(levels=L, theta=1.5).double(), Rate().double()
    rate.load_state_dict(qcfs.state_dict())
    v = potentials(-1.0, 3.0)
    with torch.no_grad():
        assert_close(rate(v.expand(L, -1, -1)).mean(0), qcfs(v)[0], rtol=0, atol=1e-12)


def test_qcfs_trains_its_lambda():
    neuron = QCFS(levels=4)  # 8 at the start, for potentials below 1
    optimizer = torch.optim.SGD([neuron.theta], lr=2.0)
    v = potentials(0.0, 1.0).float()
    first = float((neuron(v) - v).square().mean().detach())
    for _ in range(200):
        optimizer.zero_grad()
        (neuron(v) - v.relu()).square().mean().backward()
        optimizer.step()
    assert 0.8 < neuron.theta.item() < 1.3
    assert float((neuron(v) - v).square().mean().detach()) < 0.05 * first


@pytest.mark.parametrize("cls", [WindowedRate, QCFS, FS, T2FSNN])
def test_channels_are_as_layers_of_their_own(cls):
    v = torch.cat([potentials(-0.5, 1.0), potentials(-2.0, 4.0, seed=1)], 1).view(1, 2, -1).transpose(1, 2)
    v = v.reshape(1, 40, 2, 50)  # [1, B, C, places]
    samples = v[0]
    together = cls(per_channel=True).double()
    together.start(samples)
    for channel in range(2):
        alone = cls().double()
        alone.start(samples[:, channel : channel + 1])
        assert_close(together.theta[channel], alone.theta)
        with torch.no_grad():
            assert_close(together(v)[:, :, channel], alone(v[:, :, channel]))


def test_parameters_of_channels_stay_with_their_number():
    neuron = WindowedRate(per_channel=True)
    neuron(torch.zeros(1, 2, 3))
    assert neuron.theta.tolist() == [1, 1, 1]
    with pytest.raises(ContractError, match="parameters for 3 channels, but its current has 2"):
        neuron(torch.zeros(1, 2, 2))
    other = WindowedRate(per_channel=True)
    other.load_state_dict(neuron.state_dict())
    assert other.theta.shape == (3,)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: WindowedRate(steps=0), ValueError, "steps must be at least 1, got 0"),
        (lambda: WindowedRate(theta=0.0), ValueError, "theta must be above 0, got 0.0"),
        (
            lambda: WindowedRate(norm="maximum"),
            ValueError,
            "norm must be one of 'percentile', 'max', 'mse'",
        ),
        (lambda: WindowedRate(percentile=101.0), ValueError, "percentile must be above 0 and at most 100"),
        (
            lambda: WindowedRate(thresholds="strict"),
            ValueError,
            "thresholds must be one of 'midpoints'",
        ),
        (lambda: QCFS(levels=0), ValueError, "levels must be at least 1, got 0"),
        (lambda: FS(steps=17), ValueError, "steps must be at least 1 and at most 16, got 17"),
        (lambda: FS(theta=math.inf), ValueError, "theta must be finite and above 0, got inf"),
        (lambda: T2FSNN(slots=0), ValueError, "slots must be at least 1, got 0"),
        (lambda: T2FSNN(tau=-1.0), ValueError, "tau must be above 0, got -1.0"),
        (lambda: T2FSNN(delay=80.0), ValueError, "delay must be less than the window of 80 time steps"),
        (lambda: T2FSNN(fit="og"), ValueError, "fit must be one of 'go', 'least_squares', got 'og'"),
    ],
)
def test_parameter_errors(make, error, message):
    with pytest.raises(error, match="^" + message):
        make()
