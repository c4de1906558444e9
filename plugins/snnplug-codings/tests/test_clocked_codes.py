"""Clocked codes against their definitions, step by step, and calibration layer after layer."""

from __future__ import annotations

import pytest
import torch
from snnplug_codings import clocked
from snnplug_codings.burst import Burst
from snnplug_codings.phase import Phase
from snnplug_codings.rate import Rate
from snnplug_codings.rmp import RMP
from snnplug_codings.snn_calibration import SNNCalibration
from torch import nn
from torch.testing import assert_close

from snnplug.errors import ContractError, ParameterError
from snnplug.nn import TimeSequential, record


def current(*shape, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * (torch.randn(*shape, generator=generator, dtype=torch.float64) + 0.5)


def train(values):
    """Return a current of one neuron `[T, 1, 1]`."""
    return torch.tensor(values, dtype=torch.float64).view(-1, 1, 1)


def sent(neuron, x):
    with torch.no_grad():
        return neuron.double()(x).flatten().tolist()


@pytest.mark.parametrize("T", [1, 3, 8, 32])
@pytest.mark.parametrize(("initial", "half"), [("half", 0.5), ("zero", 0.0)])
def test_rate_of_a_constant_current_is_floor_and_clip(T, initial, half):
    theta = 1.5
    x = current(2000, scale=1.2).view(1, 1, -1)
    expected = theta / T * (T * x / theta + half).floor().clamp(0, T)
    with torch.no_grad():
        found = Rate(theta=theta, initial=initial).double()(x.expand(T, -1, -1)).mean(0, keepdim=True)
    assert_close(found, expected, rtol=0, atol=1e-12)


def test_rate_by_hand():
    # h: .5 + .75 = 1.25 fires, .25 + .25 = .5, .5 - 1 = -.5, -.5 + 3 = 2.5 fires, 1.5 + 0 fires
    assert sent(Rate(), train([0.75, 0.25, -1.0, 3.0, 0.0])) == [1, 0, 0, 1, 1]
    assert sent(Rate(initial="zero"), train([0.75, 0.25, -1.0, 3.0, 0.0])) == [0, 1, 0, 1, 1]


def test_rate_of_any_current_is_the_loop_in_python():
    x = current(12, 3, 5)
    found = Rate(theta=0.75).double()(x)
    for b in range(3):
        for j in range(5):
            v = 0.375
            for t in range(12):
                v += float(x[t, b, j])
                expected = 0.75 if v >= 0.75 else 0.0
                v -= expected
                assert found[t, b, j].item() == expected


def test_phase_sends_the_binary_digits_of_a_charge():
    # 0.8125 = .1101, then 0.0625 in the second period, so in all .1101 and .0001
    x = train([0.8125, 0, 0, 0, 0.0625, 0, 0, 0])
    assert sent(Phase(period=4), x) == [0.5, 0.25, 0, 0.0625, 0, 0, 0, 0.0625]
    assert sent(Phase(period=4, theta=2.0), 2 * x) == [1.0, 0.5, 0, 0.125, 0, 0, 0, 0.125]


def test_phase_keeps_what_it_could_not_send():
    # 1.25 is more than .1111; the rest, .3125, is sent in the next period
    assert sent(Phase(period=4), train([1.25, 0, 0, 0, 0, 0, 0, 0])) == [
        0.5,
        0.25,
        0.125,
        0.0625,
        0,
        0.25,
        0,
        0.0625,
    ]


@pytest.mark.parametrize("K", [1, 3, 8])
def test_phase_rounds_down_to_k_digits(K):
    v = current(500).view(1, 1, -1)
    x = torch.cat([v, v.new_zeros(K - 1, 1, 500)])
    expected = (v * 2**K).floor().clamp(0, 2**K - 1) / 2**K
    with torch.no_grad():
        assert_close(Phase(period=K).double()(x).sum(0, keepdim=True), expected, rtol=0, atol=1e-12)
    assert Phase(period=K).bias_every == K


def test_phase_of_any_current_is_the_loop_in_python():
    x = current(11, 2, 3, scale=0.4)
    found = Phase(period=4, theta=1.25).double()(x)
    for b in range(2):
        for j in range(3):
            v = 0.0
            for t in range(11):
                v += float(x[t, b, j])
                threshold = 1.25 * 2.0 ** -(1 + t % 4)
                expected = threshold if v >= threshold else 0.0
                v -= expected
                assert found[t, b, j].item() == expected


def test_burst_by_hand():
    # g: 1, 2, 4, 8, then 1 again; v: 6.5 - 1 = 5.5 - 2 = 3.5 < 4; then 3.5 - 1 = 2.5 - 2 = .5
    assert sent(Burst(theta=1.0), train([6.5, 0, 0, 0, 0, 0])) == [1, 2, 0, 1, 2, 0]
    assert sent(Burst(theta=0.5), train([3.5, 0, 0, 0, 0, 0])) == [0.5, 1, 2, 0, 0, 0]
    assert sent(Burst(theta=1.0, growth=1.0), train([2.5, 0, 0, 0])) == [1, 1, 0, 0]


def test_burst_of_any_current_is_the_loop_in_python():
    x = current(11, 2, 3)
    found = Burst(theta=0.25).double()(x)
    for b in range(2):
        for j in range(3):
            v, g = 0.0, 1.0
            for t in range(11):
                v += float(x[t, b, j])
                expected = g * 0.25 if v >= g * 0.25 else 0.0
                v, g = v - expected, 2 * g if expected else 1.0
                assert found[t, b, j].item() == expected


def test_a_burst_keeps_up_with_what_rate_coding_cannot():
    x = train([3.0] * 32)
    assert sum(sent(Rate(), x)) == 32  # saturated
    assert abs(sum(sent(Burst(theta=1.0), x)) / 32 - 3.0) < 0.35


@pytest.mark.parametrize(
    "neuron", [Rate(theta=0.5), Burst(theta=0.5), Phase(theta=2.0)], ids=lambda n: type(n).__name__
)
def test_a_value_is_one_spike(neuron):
    x = current(8, 2, 3)
    model = TimeSequential(nn.Identity(), neuron.double())
    with record(model) as activity, torch.no_grad():
        spikes = model(x)
    (layer,) = activity.neurons.values()
    assert spikes.unique().tolist() != [0, 1]
    assert sum(layer.spikes) == int(spikes.ne(0).sum()) > 0


@pytest.mark.parametrize("neuron", [Rate(), Burst(), Phase()], ids=lambda n: type(n).__name__)
def test_weights_need_no_normalisation(neuron):
    """The codes' networks of three layers approach the ReLU network as steps grow, with its own weights."""
    torch.manual_seed(0)
    layers = [nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 4)]
    model = nn.ModuleList(layers).double()
    x = torch.rand(64, 8, dtype=torch.float64)
    every = neuron.bias_every
    errors = []
    with torch.no_grad():
        h, scales = x, []
        for layer in model[:-1]:
            h = layer(h)
            scales.append(h)
            h = h.relu()
        expected = model[-1](h)
        for T in (16, 256):
            flow = (x / every).expand(T, -1, -1)
            for layer, samples in zip(model, [*scales, None], strict=True):
                flow = flow @ layer.weight.T
                flow[::every] += layer.bias
                if samples is not None:
                    neuron.double().start(samples)
                    flow = neuron(flow)
            errors.append(float((flow.sum(0) * every / T - expected).abs().mean()))
    assert errors[1] < 0.4 * errors[0]
    assert errors[1] < 0.03 * float(expected.abs().mean()) + 0.01


def test_rmp_takes_the_largest_current_of_the_spiking_network():
    neuron, received = RMP(scale=0.5).double(), current(6, 4, 3, 2, 2)
    neuron.start(torch.zeros(4, 3, 2, 2, dtype=torch.float64), received)
    assert neuron.theta.item() == 0.5 * float(received.max())
    neuron.start(received[0])  # a first layer
    assert neuron.theta.item() == 0.5 * float(received[0].max())
    channels = RMP(per_channel=True).double()
    channels.start(received[0], received)
    assert_close(channels.theta.detach(), received.amax((0, 1, 3, 4)))
    assert RMP.sequential
    assert SNNCalibration.sequential
    assert not getattr(Rate, "sequential", False)


def test_rmp_spikes_like_binary_spikes_with_balanced_thresholds():
    """Without biases, carrying the threshold changes no spike."""
    torch.manual_seed(0)
    first, second = torch.randn(8, 6, dtype=torch.float64), torch.randn(8, 8, dtype=torch.float64)
    x = current(40, 3, 6)
    one, two = RMP().double(), RMP().double()
    with torch.no_grad():
        a = x @ first.T
        one.start(a[0], a)
        b = one(a) @ second.T
        two.start(b[0], b)
        graded = two(b)
        unit = (one(a) > 0).double() @ second.T
        three = RMP().double()
        three.start(unit[0], unit)
        binary = three(unit)
    assert_close(three.theta * one.theta, two.theta)
    assert 0.01 < (binary > 0).double().mean() < 0.99
    assert torch.equal(binary > 0, graded > 0)


def clip_floor(x, theta, T):
    return (x * T / theta).floor().clamp(0, T) * theta / T


@pytest.mark.parametrize("T", [4, 16])
def test_snn_calibration_searches_its_threshold(T):
    samples = current(160, 5)
    average = None
    for part in samples.chunk(8):
        candidates = [float(part.max()) * (1 - 0.01 * i) for i in range(95)]
        errors = [float((clip_floor(part.relu(), c, T) - part.relu()).square().mean()) for c in candidates]
        best = candidates[errors.index(min(errors))]
        average = best if average is None else 0.9 * average + 0.1 * best
    neuron = SNNCalibration(steps=T).double()
    neuron.start(samples)
    assert neuron.theta.item() == pytest.approx(average, rel=1e-9)
    none = SNNCalibration(steps=T, mode="none").double()
    none.start(samples)
    assert none.theta.item() == float(samples.max())


def test_snn_calibration_shifts_by_half_a_threshold_over_the_window():
    # theta / 2T = .125 in each step: h = .5, .75 + .125 ... of currents .375: .5, 1.0 fires, .5, 1.0 fires
    assert sent(SNNCalibration(steps=4, mode="none"), train([0.375] * 4)) == [0, 1, 0, 1]
    assert sent(Rate(initial="zero"), train([0.375] * 4)) == [0, 0, 1, 0]


def test_snn_calibration_light_and_advanced_by_hand():
    neuron = SNNCalibration(steps=4).double()
    samples = torch.tensor([[1.0, 0.5], [0.5, -1.0]], dtype=torch.float64)  # [n, C]
    received = torch.zeros(4, 2, 2, dtype=torch.float64)  # the layers before send nothing
    neuron.start(samples, received)
    assert neuron.correction.tolist() == [0.75, 0.25]  # what is missing: the means of the ReLU
    places = SNNCalibration(steps=4, mode="advanced").double()
    places.start(samples, received)
    assert places.correction.tolist() == [3.0, 1.0]  # T times


@pytest.mark.parametrize("mode", ["light", "advanced"])
def test_snn_calibration_corrects_the_mean(mode):
    samples = current(64, 3, 4, 4, seed=1)
    received = (
        samples + 0.3 * current(16, 64, 3, 4, 4, seed=2) - 0.4
    )  # what errors of the layers before made of it
    with torch.no_grad():
        bare = SNNCalibration(steps=16, mode=mode).double()
        bare.start(samples, received)
        corrected = bare(received).mean(0).mean((0, 2, 3))
        bare.correction.zero_()
        before = bare(received).mean(0).mean((0, 2, 3))
    target = samples.relu().mean((0, 2, 3))
    assert ((corrected - target).abs() < 0.6 * (before - target).abs()).all()


def test_snn_calibration_names_what_does_not_fit():
    neuron = SNNCalibration(mode="advanced")
    neuron(torch.zeros(4, 2, 3, 5, 5))
    with pytest.raises(ContractError, match=r"correction for \[3, 5, 5\], but its current .* \[2, 3, 4, 4\]"):
        neuron(torch.zeros(4, 2, 3, 4, 4))
    with pytest.raises(ContractError, match="are not of the same layer"):
        SNNCalibration().start(torch.zeros(2, 3), torch.zeros(4, 2, 5))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Rate(initial="full"), ValueError, "initial must be one of 'half', 'zero', got 'full'"),
        (lambda: Rate(steps=0), ValueError, "steps must be at least 1, got 0"),
        (lambda: Rate(theta=-1.0), ValueError, "theta must be above 0, got -1.0"),
        (lambda: Rate(surrogate="atam"), ParameterError, "unknown surrogate 'atam'"),
        (lambda: Phase(period=0), ValueError, "period must be at least 1 and at most 16, got 0"),
        (lambda: Burst(norm="mse"), ValueError, "norm must be one of 'percentile', 'max', got 'mse'"),
        (lambda: Burst(growth=0.5), ValueError, "growth must be at least 1, got 0.5"),
        (lambda: Burst(fraction=0.0), ValueError, "fraction must be above 0, got 0.0"),
        (lambda: RMP(scale=1.5), ValueError, "scale must be above 0 and at most 1, got 1.5"),
        (lambda: SNNCalibration(mode="heavy"), ValueError, "mode must be one of 'none', 'light', 'advanced'"),
    ],
)
def test_parameter_errors(make, error, message):
    with pytest.raises(error, match="^" + message):
        make()


@pytest.mark.parametrize(
    "neuron",
    [Rate(per_channel=True), Phase(per_channel=True), Burst(per_channel=True)],
    ids=lambda n: type(n).__name__,
)
def test_channels_are_as_layers_of_their_own(neuron):
    x = current(8, 3, 2, 4, seed=3)
    neuron = neuron.double()
    neuron.start(x[0])
    alone = type(neuron)().double()
    for channel in range(2):
        alone.start(x[0, :, channel : channel + 1])
        with torch.no_grad():
            assert_close(neuron(x)[:, :, channel], alone(x[:, :, channel]))
    with pytest.raises(ContractError, match="parameters for 2 channels, but its current has 3"):
        neuron(torch.zeros(1, 2, 3, 4, dtype=torch.float64))


def test_an_infinite_current_leaves_nothing_infinite():
    for neuron in (Rate(), Phase(), Burst(), SNNCalibration()):
        x = torch.tensor([0.5, float("inf"), 1.0, -float("inf"), 5.0]).view(-1, 1, 1).requires_grad_()
        spikes = neuron(x)
        assert spikes.isfinite().all()
        for gradient in torch.autograd.grad(spikes.sum(), [x, neuron.theta]):
            assert gradient.isfinite().all()


@pytest.mark.parametrize(
    "neuron",
    [Rate(per_channel=True), Phase(), Burst(), SNNCalibration(steps=4, mode="advanced")],
    ids=lambda n: type(n).__name__,
)
def test_a_few_samples_at_a_time_are_as_all_at_once(neuron, monkeypatch):
    x, neuron = current(16, 7, 3, 2, 2, scale=0.7), neuron.double()
    neuron(x[:, :1])
    spikes, state = neuron(x, neuron.initial_state(x[0]))  # with gradients: all
    monkeypatch.setattr(clocked, "_PIECE", 30)
    with torch.no_grad():
        found, last = neuron(x, neuron.initial_state(x[0]))
    assert torch.equal(found, spikes)
    assert_close(last, state, rtol=0, atol=0)
    assert 0.05 < found.ne(0).double().mean() < 0.95


def test_gradients_by_hand():
    # triangle of sharpness 1, theta = 2, from 1: h = 2.5, 1.5; (h - theta) / theta = .25, -.25; s = 1, 0
    # ds0/dx0 = .75 / 2, out0 = 2 s0; the reset is detached, so dh1/dx0 = 1 and out1 has .75 too
    x = torch.tensor([1.5, 1.0], dtype=torch.float64).view(2, 1, 1).requires_grad_()
    neuron = Rate(theta=2.0, surrogate="triangle", alpha=1.0).double()
    spikes = neuron(x)
    assert spikes.flatten().tolist() == [2.0, 0.0]
    spikes.sum().backward()
    assert x.grad.flatten().tolist() == [1.5, 0.75]
    # dout0/dtheta = s0 + theta s0' (h0' / theta - h0 / theta^2) with h0' = 1/2: 1 + 1.5 (.25 - .625)
    # dout1/dtheta with h1' = 1/2 - s0 = -1/2: 0 + 1.5 (-.25 - .375)
    assert neuron.theta.grad.item() == pytest.approx((1 + 1.5 * (0.25 - 0.625)) + 1.5 * (-0.25 - 0.375))
