from __future__ import annotations

import math

import pytest
import torch
from snnplug_klif.neuron import KLIF
from torch import nn

from snnplug.errors import ParameterError
from snnplug.testing import step_loop


def current(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 - 0.5


def with_k(k, **parameters):
    neuron = KLIF(**parameters).double()
    nn.init.constant_(neuron.k, k)
    return neuron


def run(neuron, values):
    """Spikes and membrane potentials for one neuron and one sample."""
    x = torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1)
    spikes, states = step_loop(neuron, x)
    return spikes.flatten().int().tolist(), [float(state.v.detach()) for state in states]


# k 1.5, tau 2, x = (.8, .8, 1.2, -4): c = (v + x)/2, h = relu(1.5 c)
@pytest.mark.parametrize(
    ("settings", "spikes", "v"),
    [
        # h = .6; 1.05 fires; .9; cut at 0
        ({}, "0100", [0.6, 0, 0.9, 0]),
        ({"reset": "soft"}, "0100", [0.6, 0.05, 0.9375, 0]),
        ({"reset": "none"}, "0110", [0.6, 1.05, 1.6875, 0]),
        # v = h / 1.5: h = .6, v = .4; h = .9, v = .6; h = 1.35 fires; soft leaves .9 - 1/1.5
        ({"scale_reset": True}, "0010", [0.4, 0.6, 0, 0]),
        ({"scale_reset": True, "reset": "soft"}, "0010", [0.4, 0.6, 0.9 - 1 / 1.5, 0]),
        ({"scale_reset": True, "reset": "none"}, "0010", [0.4, 0.6, 0.9, 0]),
        # input not decayed, rest -.2: c = v - (v + .2)/2 + x = .6, 1.15, 1; h = .9, 1.725 and 1.5 fire
        ({"decay_input": False, "reset_value": -0.2}, "0110", [0.9, -0.2, -0.2, 0]),
    ],
    ids=str,
)
def test_steps_by_hand(settings, spikes, v):
    got, potentials = run(with_k(1.5, **settings), [0.8, 0.8, 1.2, -4.0])
    assert potentials == pytest.approx(v, abs=1e-12)
    assert got == [int(s) for s in spikes]


def test_k_starts_at_1_and_is_a_scalar():
    neuron = KLIF()
    assert neuron.k.shape == ()
    assert neuron.k.item() == 1
    assert list(neuron.state_dict()) == ["k"]


def test_unscaled_it_is_a_lif_cut_at_0():
    # x >= 0 keeps the potential above 0, where the ReLU does nothing
    x = current(8, 3, 5).abs()
    v, expected = torch.zeros_like(x[0]), []
    for one in x:
        v = v + (one - v) / 3
        s = (v >= 1).double()
        v = v - s
        expected.append(s)
    for scale_reset in (False, True):
        spikes = KLIF(tau=3.0, reset="soft", scale_reset=scale_reset).double()(x)
        assert torch.equal(spikes, torch.stack(expected))
    assert spikes.any()


@pytest.mark.parametrize("scale_reset", [False, True])
def test_threshold_scales_as_k(scale_reset):
    # one step: h = k x / 2 >= 1 from x = 2/k on
    for k in (0.5, 1.0, 2.0):
        neuron = with_k(k, scale_reset=scale_reset)
        assert run(neuron, [2 / k])[0] == [1]
        assert run(neuron, [2 / k - 1e-9])[0] == [0]


def test_gradient_of_k_by_hand():
    # one step, x = 1.5, k = 1: h = .75; dS/dk = s'(-.25) x/2 = .75 * .75 with the triangle
    x = torch.full((1, 1, 1), 1.5, dtype=torch.float64)
    neuron = KLIF(surrogate="triangle").double()
    neuron(x).sum().backward()
    assert neuron.k.grad.item() == pytest.approx(0.5625)
    # the scaled soft reset: v = (h - s)/k = c - s/k, so with s detached dv/dk = s/k^2
    neuron = with_k(1.25, scale_reset=True, reset="soft")
    _, state = neuron.step(
        torch.full((1, 1), 2.0, dtype=torch.float64), neuron.initial_state(torch.zeros(1, 1))
    )
    (gradient,) = torch.autograd.grad(state.v.sum(), neuron.k)
    assert gradient.item() == pytest.approx(1 / 1.25**2)


def test_k_is_trained():
    neuron = KLIF().double()
    optimizer = torch.optim.SGD(neuron.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (-neuron(current(4, 3, 5)).mean()).backward()  # more spikes by a larger scale
        optimizer.step()
    assert neuron.k.item() > 1.01


@pytest.mark.parametrize("scale_reset", [False, True])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_keeps_its_state_in_float32(dtype, scale_reset):
    neuron, x = KLIF(scale_reset=scale_reset), current(4, 3, 5).to(dtype)
    spikes, state = neuron(x, neuron.initial_state(x[0]))
    assert (spikes.dtype, state.v.dtype) == (dtype, torch.float32)
    assert torch.equal(spikes.float(), neuron(x.float()))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tau": 1.0}, "tau must be above 1, got 1.0"),
        ({"tau": math.nan}, "tau must be finite and above 1, got nan"),
        ({"threshold": 0.0}, "threshold must be above 0, got 0.0"),
        ({"reset": "zero"}, "reset must be one of 'hard', 'soft', 'none', got 'zero'"),
        ({"alpha": 0.0}, "alpha must be above 0, got 0.0"),
    ],
)
def test_parameter_errors(parameters, message):
    with pytest.raises(ValueError, match="^" + message):
        KLIF(**parameters)
    with pytest.raises(ParameterError, match="unknown surrogate"):
        KLIF(surrogate="atam")


def test_repr():
    assert repr(KLIF(scale_reset=True)) == (
        "KLIF(k=1, tau=2.0, decay_input=True, scale_reset=True, threshold=1.0, reset='hard', "
        "detach_reset=True, surrogate='atan', alpha=2.0)"
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("reset", ["hard", "soft", "none"])
@pytest.mark.parametrize("detach", [True, False])
def test_an_infinite_current_leaves_nothing_infinite(dtype, scale, reset, detach):
    x = (
        torch.tensor([0.5, math.inf, 5.0, -math.inf, 0.5, 5.0], dtype=dtype)
        .reshape(-1, 1, 1)
        .requires_grad_()
    )
    neuron = KLIF(scale_reset=scale, reset=reset, detach_reset=detach)
    spikes = neuron(x)
    assert spikes.flatten().tolist()[:3] == [0.0, 1.0, 1.0]
    for gradient in torch.autograd.grad(
        (spikes.float() * torch.arange(1.0, 7).reshape(-1, 1, 1)).sum(), [x, *neuron.parameters()]
    ):
        assert gradient.isfinite().all()
