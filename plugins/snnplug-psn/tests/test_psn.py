from __future__ import annotations

import math

import pytest
import torch
from snnplug_psn.parallel import PSN, MaskedPSN
from snnplug_psn.sliding import SlidingPSN
from torch import nn

from snnplug.errors import ContractError, ParameterError
from snnplug.nn import TimeSequential, as_neuron, materialize, seeded
from snnplug.testing import step_loop


def current(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return 4 * torch.randn(*shape, generator=generator, dtype=dtype)


X = current(5, 3, 2, 4)


def make(neuron, x=X):
    with seeded(0):
        materialize(neuron, x)
    return neuron


def put(neuron, weight, bias):
    with torch.no_grad():
        neuron.weight.copy_(torch.as_tensor(weight))
        neuron.bias.copy_(torch.as_tensor(bias).reshape(neuron.bias.shape))
    return neuron


def column(*values):
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1)


def test_psn_by_hand():
    # each step sees the other: h = (x1 + 2 x0, 3 x1); fires at h + b = 0 exactly
    neuron = put(make(PSN(), column(0, 0)), [[2.0, 1.0], [0.0, 3.0]], [-1.0, -1.5])
    assert neuron(column(0.25, 0.5)).flatten().tolist() == [1, 1]
    assert neuron(column(0.25, 0.49)).flatten().tolist() == [0, 0]
    assert neuron(column(1.0, -1.0)).flatten().tolist() == [1, 0]


def test_start():
    neuron = make(PSN(), torch.zeros(64, 1, 1))
    weight = neuron.weight.detach()
    assert weight.shape == (64, 64)
    assert neuron.bias.shape == (64, 1)
    assert neuron.bias.unique().tolist() == [-1]
    assert 0.12 < weight.max() <= 0.125  # 1 / sqrt(T)
    assert -0.125 <= weight.min() < -0.12
    assert SlidingPSN(k=3).weight.tolist() == [0.25, 0.5, 1.0]
    assert SlidingPSN(k=3).bias.item() == -1
    with seeded(0):
        uniform = SlidingPSN(k=400, start="uniform").weight.detach()
    assert 0.048 < uniform.max() <= 0.05


def test_mask_by_hand():
    neuron = make(MaskedPSN(k=2, lambda_=0.25), torch.zeros(4, 1, 1))
    nn.init.ones_(neuron.weight)
    assert neuron.matrix().tolist() == [
        [1, 0.75, 0.75, 0.75],
        [1, 1, 0.75, 0.75],
        [0.75, 1, 1, 0.75],
        [0.75, 0.75, 1, 1],
    ]
    neuron.lambda_.fill_(1.0)
    assert neuron.matrix().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    assert MaskedPSN().load_state_dict(neuron.state_dict())  # lambda is kept
    wide = make(MaskedPSN(k=9), torch.zeros(3, 1, 1))
    assert torch.equal(wide.matrix(), wide.weight.tril())


def test_masked_neuron_without_its_mask_is_a_psn():
    masked = make(MaskedPSN(k=2, lambda_=0.0))
    plain = put(make(PSN()), masked.weight.detach(), masked.bias.detach())
    assert torch.equal(masked(X), plain(X))


def test_masked_neuron_in_force_is_causal():
    causal, not_causal = make(MaskedPSN(k=3)), make(MaskedPSN(k=3, lambda_=0.4))
    later = X.clone()
    later[3:] = current(2, 3, 2, 4, seed=1)
    assert torch.equal(causal(later)[:3], causal(X)[:3])
    assert not torch.equal(not_causal(later)[:3], not_causal(X)[:3])


def test_mask_keeps_the_gradient_out():
    neuron = make(MaskedPSN(k=2))
    neuron(X).sum().backward()
    band = torch.ones(5, 5).tril().triu(-1).bool()
    assert not neuron.weight.grad[~band].any()
    assert neuron.weight.grad[band].all()


def test_sliding_by_hand():
    neuron = SlidingPSN(k=3).double()
    # h = x[t] + x[t-1]/2 + x[t-2]/4: 0.5, 0.75, 1.125 fires, 0.875, 1.4375 - .5
    x = column(0.5, 0.5, 0.75, 0.375, 0.3125)
    spikes, states = step_loop(neuron, x)
    assert [state.v.item() for state in states] == [0.5, 0.75, 1.125, 0.875, 0.6875]
    assert spikes.flatten().tolist() == [0, 0, 1, 0, 0]
    assert states[-1].past.flatten().tolist() == [0.375, 0.3125]
    assert neuron(column(0.5, 0.5, 0.625))[-1].item() == 1  # at the threshold


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_sliding_is_a_psn_with_one_filter(k):
    with seeded(k):
        sliding = SlidingPSN(k=k, start="uniform").double()
    matrix = sum(torch.diag(sliding.weight.detach()[k - 1 - j].expand(5 - j), -j) for j in range(min(k, 5)))
    psn = put(make(PSN()), matrix, sliding.bias.detach().expand(5))
    assert 0 < sliding(X).mean() < 1
    assert torch.equal(sliding(X), psn(X))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("k", [1, 4, 32])
def test_sliding_rounds_as_it_steps(k, dtype):
    neuron, x = SlidingPSN(k=k), current(9, 4, 3, 8, dtype=torch.float32).to(dtype)
    neuron = neuron.to(torch.promote_types(dtype, torch.float32))
    spikes, states = step_loop(neuron, x)
    whole, last = neuron(x, neuron.initial_state(x[0]))
    assert torch.equal(whole, spikes)
    assert torch.equal(last.v, states[-1].v)
    assert torch.equal(last.past, states[-1].past)
    assert whole.dtype == dtype
    assert states[-1].v.dtype == torch.promote_types(dtype, torch.float32)


@pytest.mark.parametrize("tau", [4 / 3, 2.0, 5.0])
def test_lif_without_reset_is_a_psn(tau):
    T, threshold = len(X), 0.7
    i, j = torch.meshgrid(*[torch.arange(T, dtype=torch.float64)] * 2, indexing="ij")
    weight = torch.where(j <= i, (1 / tau) * (1 - 1 / tau) ** (i - j).clamp(min=0), 0.0)
    psn = put(make(PSN()), weight, torch.full((T,), -threshold))
    masked = put(make(MaskedPSN(k=T)), weight, torch.full((T,), -threshold))
    sliding = put(SlidingPSN(k=T).double(), weight[-1], torch.tensor(-threshold))
    v, spikes = torch.zeros_like(X[0]), []
    for x in X:
        v = v + (x - v) / tau
        spikes.append((v >= threshold).double())
    expected = torch.stack(spikes)
    assert 0.2 < expected.mean() < 0.8
    for neuron in (psn, masked, sliding):
        assert torch.equal(neuron(X), expected)


def test_gradients_by_hand():
    # triangle of sharpness 2: s'(d) = (1 - |d|/2)/2. h + b = -0.5 and 0.25: slopes .375 and .4375
    x = column(0.5, 1.25).requires_grad_()
    neuron = put(make(PSN(surrogate="triangle", alpha=2.0), x.detach()), torch.eye(2), [-1.0, -1.0])
    neuron(x).sum().backward()
    assert x.grad.flatten().tolist() == [0.375, 0.4375]
    assert neuron.bias.grad.flatten().tolist() == [0.375, 0.4375]
    assert neuron.weight.grad.tolist() == [[0.1875, 0.46875], [0.21875, 0.546875]]


@pytest.mark.parametrize("cls", [PSN, MaskedPSN])
def test_window_of_another_length_is_refused(cls):
    neuron = make(cls())
    with pytest.raises(ContractError, match=rf"{cls.__name__} has weights for windows of 5 .* one has 3;"):
        neuron(X[:3])
    other = make(cls(), X[:3])
    with pytest.raises(RuntimeError, match=r"weight: the checkpoint has \[3, 3\], this network \[5, 5\]"):
        neuron.load_state_dict(other.state_dict())
    with pytest.raises(ContractError, match="feedback from one step"):
        as_neuron(neuron, stepwise=True)


@pytest.mark.parametrize("cls", [PSN, MaskedPSN, SlidingPSN])
def test_trains(cls):
    model, x = TimeSequential(nn.Linear(4, 6), cls(), nn.Linear(6, 3)), current(5, 3, 4, dtype=torch.float32)
    make(model, x)
    before = {n: p.detach().clone() for n, p in model.layers[1].named_parameters()}
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model(x).square().mean().backward()
    optimizer.step()
    assert all((p != before[n]).any() for n, p in model.layers[1].named_parameters())


@pytest.mark.parametrize("cls", [PSN, MaskedPSN, SlidingPSN])
def test_mixed_precision_sums_in_float32(cls):
    neuron, x = make(cls(), X.float()), X.half()
    with torch.autocast("cpu", torch.bfloat16):
        spikes = neuron(x)
    assert spikes.dtype == torch.float16
    assert torch.equal(spikes.float(), neuron(x.float()))


@pytest.mark.parametrize(
    ("cls", "parameters", "message"),
    [
        (PSN, {"alpha": 0.0}, "alpha must be above 0, got 0.0"),
        (MaskedPSN, {"k": 0}, "k must be at least 1, got 0"),
        (MaskedPSN, {"lambda_": 1.5}, r"lambda_ must be at least 0 and at most 1, got 1.5"),
        (MaskedPSN, {"lambda_": math.nan}, r"lambda_ must be finite, at least 0 and at most 1, got nan"),
        (SlidingPSN, {"k": -1}, "k must be at least 1, got -1"),
        (SlidingPSN, {"start": "zero"}, "start must be one of 'exponential', 'uniform', got 'zero'"),
    ],
)
def test_parameter_errors(cls, parameters, message):
    with pytest.raises(ValueError, match="^" + message):
        cls(**parameters)
    with pytest.raises(ParameterError, match="unknown surrogate"):
        cls(surrogate="atam")


def test_repr():
    assert repr(MaskedPSN()) == "MaskedPSN(k=4, surrogate='atan', alpha=2.0)"
    assert repr(SlidingPSN(k=2)) == "SlidingPSN(k=2, surrogate='atan', alpha=2.0)"


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize(
    "neuron", [PSN(), MaskedPSN(k=2), SlidingPSN(k=2)], ids=lambda neuron: type(neuron).__name__
)
def test_an_infinite_current_leaves_nothing_infinite(dtype, neuron):
    x = (
        torch.tensor([0.5, math.inf, 5.0, -math.inf, 0.5, 5.0], dtype=dtype)
        .reshape(-1, 1, 1)
        .requires_grad_()
    )
    neuron = make(neuron, x)
    spikes = neuron(x)
    for gradient in torch.autograd.grad(
        (spikes.float() * torch.arange(1.0, 7).reshape(-1, 1, 1)).sum(), [x, *neuron.parameters()]
    ):
        assert gradient.isfinite().all()


def test_steps_that_do_not_see_an_infinite_current_are_as_without_it():
    neuron = make(MaskedPSN(k=2))
    x = X.clone()
    x[2] = math.inf
    assert torch.equal(neuron(x)[[0, 1, 4]], neuron(X)[[0, 1, 4]])
