from __future__ import annotations

import math

import pytest
import torch
from snnplug_glif.neuron import GLIF
from torch import nn

from snnplug.errors import ContractError, ParameterError
from snnplug.nn import TimeSequential, is_materialized, materialize, seeded
from snnplug.testing import step_loop

PER_CHANNEL = ("gate_leak", "gate_input", "gate_reset", "retention", "leak", "subtracted", "threshold")


def current(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) + 0.5


def make(x, **parameters):
    neuron = GLIF(**parameters)
    with seeded(0):
        materialize(neuron, x)
    return neuron


def put(neuron, **values):
    """Set parameters by what they mean, not by their logits."""
    with torch.no_grad():
        for name, value in values.items():
            value = torch.as_tensor(value, dtype=torch.float64).clamp(1e-12, 1 - 1e-12)
            getattr(neuron, name).copy_(torch.logit(value))


X = current(4, 3, 2, 5, 5)


def run(neuron, values):
    """Spikes and membrane potentials for one neuron and one sample."""
    x = torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1)
    spikes, states = step_loop(neuron, x)
    return spikes.flatten().int().tolist(), [float(state.v.detach()) for state in states]


def one(**values):
    neuron = make(torch.zeros(4, 1, 1, dtype=torch.float64), surrogate="triangle")
    put(neuron, **values)
    return neuron


# a gate of 1, then of 0; retention .5, leak .125, subtracted .25, threshold .5, conductance .75
WHOLE = {"retention": 0.5, "leak": 0.125, "subtracted": 0.25, "threshold": 0.5, "conductance": 0.75}


@pytest.mark.parametrize(
    ("gates", "spikes", "v"),
    [
        # exponential leak, input times .75, hard reset: .75, then 0 + .3, .15 + .3, .225 + .3
        ((1, 1, 1), "1001", [0.75, 0.3, 0.45, 0.525]),
        # linear leak, plain input, reset by .25: .875, .875 - .25 - .125 + .4 = .9, .925, .95
        ((0, 0, 0), "1111", [0.875, 0.9, 0.925, 0.95]),
        # half of each: keeps .75 of u, of which a spike leaves half and subtracts .125;
        # leak .0625, input times .875: .8125; .3046875 - .125 - .0625 + .35 = .4671875;
        # .350390625 - .0625 + .35; .239208984375 - .125 - .0625 + .35
        ((0.5, 0.5, 0.5), "1010", [0.8125, 0.4671875, 0.637890625, 0.401708984375]),
    ],
)
def test_steps_by_hand(gates, spikes, v):
    neuron = one(**dict(zip(("gate_leak", "gate_input", "gate_reset"), gates, strict=True)), **WHOLE)
    got, potentials = run(neuron, [1.0, 0.4, 0.4, 0.4])
    assert potentials == pytest.approx(v, abs=1e-9)
    assert got == [int(s) for s in spikes]


def test_conductance_of_each_step():
    neuron = one(gate_leak=1, gate_input=1, gate_reset=1, **{**WHOLE, "retention": 0.0})
    put(neuron, conductance=[[0.1], [0.2], [0.3], [0.4]])
    assert run(neuron, [1.0] * 4)[1] == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=1e-9)


def test_firing_at_the_threshold():
    # a threshold of 0.5 is the logit 0 exactly; u = x in the first step
    x = torch.tensor([0.5, 0.5 + 2**-40], dtype=torch.float64).reshape(1, 2, 1).expand(2, 2, 1)
    for strict, first in ((False, [1, 1]), (True, [0, 1])):
        neuron = make(x, strict=strict)
        put(neuron, gate_leak=1, gate_input=0, leak=0)
        nn.init.zeros_(neuron.threshold)
        with torch.no_grad():
            neuron.gate_input.fill_(-math.inf)
            neuron.gate_leak.fill_(math.inf)
        assert neuron(x)[0].flatten().tolist() == first


def test_shapes_and_start():
    neuron = make(X)
    assert all(getattr(neuron, name).shape == (2,) for name in PER_CHANNEL)
    assert neuron.conductance.shape == (4, 2)
    gates = torch.cat([getattr(neuron, name) for name in PER_CHANNEL[:3]]).detach()
    assert gates.abs().max() <= 0.1
    assert gates.unique().numel() == 6
    starts = {"retention": 0.25, "leak": 0.5 / 8, "subtracted": 0.5, "threshold": 0.5, "conductance": 0.5}
    for name, value in starts.items():
        assert getattr(neuron, name).sigmoid().unique().tolist() == pytest.approx([value], abs=1e-12)
    flat = make(current(6, 3, 7), threshold=0.9, leak=0.2)
    assert flat.threshold.shape == (7,)
    assert flat.conductance.shape == (6, 7)
    assert flat.leak.sigmoid()[0].item() == pytest.approx(0.2)
    assert flat.subtracted.sigmoid()[0].item() == pytest.approx(0.9)


def test_channels_have_their_own_parameters():
    neuron = make(X)
    put(neuron, threshold=[0.999999, 0.01])
    counts = neuron(X).sum((0, 1, 3, 4))
    assert counts[1] > counts[0]
    # a channel alone computes what it does beside the other
    alone = GLIF()
    alone.load_state_dict({n: p[..., 1:] for n, p in neuron.state_dict().items()})
    assert torch.equal(alone.double()(X[:, :, 1:]), neuron(X)[:, :, 1:])
    # and [B, N] is [B, C, *] without the rest
    assert torch.equal(neuron(X[..., 0, 0]), neuron(X)[..., 0, 0])


def test_stream_takes_the_conductance_of_its_step():
    neuron = make(X)
    put(neuron, conductance=torch.rand(4, 2, generator=torch.Generator().manual_seed(1)))
    first, state = neuron(X[:1], neuron.initial_state(X[0]))
    assert state.t == 1
    second, state = neuron(X[1:], state)
    assert state.t == 4
    assert torch.equal(torch.cat([first, second]), neuron(X))
    with pytest.raises(ContractError, match="one conductance for each of 4 steps, but this is step 5"):
        neuron.step(X[0], state)
    with pytest.raises(ContractError, match="one conductance for each of 4 steps, but this is step 8"):
        neuron(torch.cat([X, X]))


def test_static_conductance_runs_on():
    neuron = make(X, conductance="static")
    assert neuron.conductance.shape == (1, 2)
    assert neuron(torch.cat([X, X])).shape == (8, 3, 2, 5, 5)
    put(neuron, conductance=0.3)
    fixed = make(X)
    put(fixed, conductance=0.3)
    assert torch.equal(neuron(X), fixed(X))


def test_step_by_step_from_the_beginning():
    with pytest.raises(ContractError, match="set steps, or conductance = 'static' and a leak"):
        GLIF().initial_state(X[0])
    with pytest.raises(ContractError, match="set steps, or conductance = 'static' and a leak"):
        GLIF(conductance="static").initial_state(X[0])
    for neuron in (GLIF(steps=4), GLIF(conductance="static", leak=0.1)):
        with seeded(0):
            spikes, _ = step_loop(neuron, X)
        assert is_materialized(neuron)
        assert torch.equal(spikes, neuron(X))


def test_every_parameter_is_trained():
    model = TimeSequential(nn.Conv2d(2, 3, 3), GLIF(), nn.Flatten(), nn.LazyLinear(3))
    x = X.float()
    with seeded(0):
        materialize(model, x)
    before = {n: p.detach().clone() for n, p in model.layers[1].named_parameters()}
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model(x).square().mean().backward()
    optimizer.step()
    assert all((p != before[n]).any() for n, p in model.layers[1].named_parameters())


def test_other_inputs_and_checkpoints_are_refused():
    neuron = make(X)
    with pytest.raises(ContractError, match=r"parameters for 2 channels.*this input \[3, 7, 5, 5\] has 7"):
        neuron(current(4, 3, 7, 5, 5))
    other = make(current(6, 3, 2, 5, 5))
    with pytest.raises(
        RuntimeError, match=r"conductance: the checkpoint has \[6, 2\], this network \[4, 2\]"
    ):
        neuron.load_state_dict(other.state_dict())


def test_half_precision_keeps_its_state_in_float32():
    neuron, x = make(X.float()), X.half()
    spikes, state = neuron(x, neuron.initial_state(x[0]))
    assert (spikes.dtype, state.v.dtype) == (torch.float16, torch.float32)
    assert torch.equal(spikes.float(), neuron(x.float()))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"retention": 1.0}, "retention must be above 0 and below 1, got 1.0"),
        ({"threshold": 0.0}, "threshold must be above 0 and below 1, got 0.0"),
        ({"leak": -0.1}, "leak must be above 0 and below 1, got -0.1"),
        ({"subtracted": math.nan}, "subtracted must be finite, above 0 and below 1, got nan"),
        ({"initial_conductance": 2.0}, "initial_conductance must be above 0 and below 1"),
        ({"conductance": "none"}, "conductance must be one of 'per_step', 'static', got 'none'"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"alpha": -1.0}, "alpha must be above 0, got -1.0"),
    ],
)
def test_parameter_errors(parameters, message):
    with pytest.raises(ValueError, match="^" + message):
        GLIF(**parameters)
    with pytest.raises(ParameterError, match="unknown surrogate"):
        GLIF(surrogate="atam")


def test_repr():
    assert repr(GLIF()) == "GLIF(conductance='per_step', strict=False, surrogate='atan', alpha=2.0)"


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize("conductance", ["per_step", "static"])
def test_an_infinite_current_leaves_nothing_infinite(dtype, conductance):
    x = (
        torch.tensor([0.5, math.inf, 5.0, -math.inf, 0.5, 5.0], dtype=dtype)
        .reshape(-1, 1, 1)
        .requires_grad_()
    )
    neuron = make(x, conductance=conductance)
    spikes = neuron(x)
    assert spikes.flatten().tolist()[1:3] == [1.0, 1.0]
    for gradient in torch.autograd.grad(
        (spikes.float() * torch.arange(1.0, 7).reshape(-1, 1, 1)).sum(), [x, *neuron.parameters()]
    ):
        assert gradient.isfinite().all()
