from __future__ import annotations

import gc
import math
import weakref

import pytest
import torch
from snnplug_snntorch.neuron import Leaky

from snnplug import Registry
from snnplug.errors import ParameterError
from snnplug.testing import step_loop

X = [0.6, 0.6, 0.6, 0.6, 1.5, 0.0, 0.0, 0.6, 0.6, 0.6]
SETTINGS = [
    {"reset_mechanism": mechanism, "reset_delay": delay}
    for mechanism in ("subtract", "zero", "none")
    for delay in (True, False)
]


def current(dtype=torch.float32, seed=0):
    return (torch.rand(16, 3, 4, 5, generator=torch.Generator().manual_seed(seed)) * 1.5).to(dtype)


def trace(neuron, x):
    spikes, states = step_loop(neuron, x)
    return spikes, torch.stack([state.v for state in states])


@pytest.mark.parametrize(
    ("settings", "spikes", "potentials"),
    [
        (
            {"reset_mechanism": "subtract"},
            [0, 0, 1, 0, 1, 0, 0, 0, 0, 1],
            [0.6, 0.9, 1.05, 0.125, 1.5625, -0.21875, -0.109375, 0.545313, 0.872656, 1.036328],
        ),
        (
            {"reset_mechanism": "subtract", "reset_delay": False},
            [0, 0, 1, 0, 1, 0, 0, 0, 0, 1],
            [0.6, 0.9, 0.05, 0.625, 0.8125, 0.40625, 0.203125, 0.701563, 0.950781, 0.075391],
        ),
        (
            {"reset_mechanism": "zero"},
            [0, 0, 1, 0, 1, 0, 0, 0, 0, 1],
            [0.6, 0.9, 1.05, 0.6, 1.8, 0, 0, 0.6, 0.9, 1.05],
        ),
        (
            {"reset_mechanism": "zero", "reset_delay": False},
            [0, 0, 1, 0, 1, 0, 0, 0, 0, 1],
            [0.6, 0.9, 0, 0.6, 0, 0, 0, 0.6, 0.9, 0],
        ),
    ],
    ids=str,
)
def test_reference_traces(settings, spikes, potentials):
    x = torch.tensor(X, dtype=torch.float64).reshape(10, 1, 1)
    s, v = trace(Leaky(beta=0.5, **settings).double(), x)
    assert s.flatten().tolist() == spikes
    assert v.flatten().tolist() == pytest.approx(potentials, abs=1e-6)


def test_a_residual_above_the_threshold_loses_a_spike():
    # 2.5 fires and leaves 1.5; 1.35 would fire, but the reset signal of the stored 1.5 comes first
    x = torch.tensor([2.5, 0, 0, 0], dtype=torch.float64).reshape(4, 1, 1)
    s, v = trace(Leaky(beta=0.9, reset_delay=False).double(), x)
    assert s.flatten().tolist() == [1, 0, 0, 0]
    assert v.flatten().tolist() == pytest.approx([1.5, 1.35, 1.215, 1.0935], abs=1e-6)


def test_a_potential_at_the_threshold_does_not_fire():
    x = torch.tensor([1.0, 1.0 + 2**-20]).reshape(2, 1, 1)
    assert Leaky(beta=0.0)(x).flatten().tolist() == [0, 1]


def test_without_a_reset_it_only_integrates():
    x = torch.tensor([1.5, 0.0, 0.5]).reshape(3, 1, 1)
    s, v = trace(Leaky(beta=0.5, reset_mechanism="none"), x)
    assert v.flatten().tolist() == [1.5, 0.75, 0.875]
    assert s.flatten().tolist() == [1, 0, 0]


class TestAgainstTheLibrary:
    @pytest.fixture
    def snntorch(self):
        library = pytest.importorskip("snntorch")
        yield library
        library.SpikingNeuron.instances.clear()  # it would hold every neuron for ever

    @pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 1.0])
    @pytest.mark.parametrize("settings", SETTINGS, ids=str)
    def test_same_spikes_potentials_and_gradients(self, snntorch, settings, beta):
        x = current().requires_grad_()
        theirs = snntorch.Leaky(beta=beta, learn_beta=True, learn_threshold=True, **settings)
        mem, spikes, potentials = torch.zeros_like(x[0]), [], []
        for one in x:
            s, mem = theirs(one, mem)
            spikes.append(s)
            potentials.append(mem)
        expected = torch.stack(spikes), torch.stack(potentials)
        mine = Leaky(beta=beta, learn_beta=True, learn_threshold=True, **settings)
        got = trace(mine, x)
        assert torch.equal(got[0], expected[0])
        assert torch.equal(got[1], expected[1])
        assert 0.05 < got[0].mean() < 0.99
        weight = current(seed=1)
        for neuron, result in ((mine, got), (theirs, expected)):
            loss = (result[0] * weight).sum() + result[1].square().sum()
            inputs = [x, neuron.beta, neuron.threshold]
            gradients = torch.autograd.grad(loss, inputs, allow_unused=True)
            if neuron is mine:
                kept = gradients
        for a, b in zip(kept, gradients, strict=True):
            torch.testing.assert_close(a, b)

    @pytest.mark.parametrize(
        ("surrogate", "alpha"), [("atan", 2.0), ("atan", 3.0), ("fast_sigmoid", 25.0), ("fast_sigmoid", 4.0)]
    )
    def test_same_surrogates(self, snntorch, surrogate, alpha):
        from snntorch import surrogate as theirs

        function = {"atan": theirs.atan, "fast_sigmoid": theirs.fast_sigmoid}[surrogate](alpha)
        x = torch.linspace(-3, 3, 101).reshape(1, 1, -1).requires_grad_()
        mine = Leaky(surrogate=surrogate, alpha=alpha, threshold=1.0)(x)
        (got,) = torch.autograd.grad(mine.sum(), x)
        (expected,) = torch.autograd.grad(function(x - 1).sum(), x)
        torch.testing.assert_close(got, expected)

    def test_its_state_dict_loads(self, snntorch):
        theirs, mine = snntorch.Leaky(beta=0.25, threshold=0.5), Leaky()
        keys = mine.load_state_dict(theirs.state_dict(), strict=False)
        assert keys.missing_keys == []
        assert sorted(keys.unexpected_keys) == ["graded_spikes_factor", "reset_mechanism_val"]
        assert torch.equal(mine(current()), Leaky(beta=0.25, threshold=0.5)(current()))


def test_no_neuron_is_held_after_its_use():
    neuron = Leaky()
    neuron(current()).sum()
    gone = weakref.ref(neuron)
    del neuron
    gc.collect()
    assert gone() is None


def test_constants_are_saved_loaded_and_moved():
    trained, fresh, x = Leaky(beta=0.5, threshold=0.75), Leaky(), current()
    assert sorted(trained.state_dict()) == ["beta", "threshold"]
    fresh.load_state_dict(trained.state_dict())
    assert torch.equal(fresh(x), trained(x))
    assert {b.device.type for b in fresh.to("meta").buffers()} == {"meta"}


def test_beta_and_threshold_are_learned():
    neuron, x = Leaky(beta=0.5, learn_beta=True, learn_threshold=True), current()
    assert [name for name, _ in neuron.named_parameters()] == ["beta", "threshold"]
    optimizer = torch.optim.SGD(neuron.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        neuron(x).mean().backward()
        optimizer.step()
    assert neuron.beta.item() < 0.5  # a shorter memory and a higher threshold fire less
    assert neuron.threshold.item() > 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_keeps_its_state_in_float32(dtype):
    neuron, x = Leaky(beta=0.5), current(dtype)
    spikes, state = neuron(x, neuron.initial_state(x[0]))
    assert (spikes.dtype, state.v.dtype) == (dtype, torch.float32)
    assert torch.equal(spikes.float(), neuron(x.float()))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"beta": 1.5}, r"beta must be at least 0 and at most 1, got 1.5"),
        ({"beta": math.nan}, r"beta must be finite, at least 0 and at most 1, got nan"),
        ({"threshold": 0.0}, "threshold must be above 0, got 0.0"),
        (
            {"reset_mechanism": "hard"},
            "reset_mechanism must be one of 'subtract', 'zero', 'none', got 'hard'",
        ),
        ({"alpha": -1.0}, "alpha must be above 0, got -1.0"),
        ({"surrogate": "step"}, "unknown surrogate 'step'"),
    ],
)
def test_parameter_errors(parameters, message):
    with pytest.raises(ValueError, match="^" + message):
        Leaky(**parameters)


def test_registered():
    registry = Registry.from_installed(quiet=True)
    assert repr(registry.create("neuron", "snnplug-snntorch:leaky", beta=0.5, learn_beta=True)) == (
        "Leaky(beta=0.5, threshold=1, reset_mechanism='subtract', reset_delay=True, learn_beta=True, "
        "surrogate='atan', alpha=2.0)"
    )
    with pytest.raises(ParameterError, match="'hard' is not one of 'subtract', 'zero', 'none'"):
        registry.create("neuron", "leaky", reset_mechanism="hard")


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_an_infinite_current_leaves_nothing_infinite(dtype, settings):
    x = (
        torch.tensor([0.5, math.inf, 5.0, -math.inf, 0.5, 5.0], dtype=dtype)
        .reshape(-1, 1, 1)
        .requires_grad_()
    )
    neuron = Leaky(**settings, learn_beta=True, learn_threshold=True)
    spikes = neuron(x)
    assert spikes.flatten().tolist()[:2] == [0.0, 1.0]
    _, state = neuron(x, neuron.initial_state(x[0]))
    assert state.v.isfinite().all()
    for gradient in torch.autograd.grad(
        (spikes.float() * torch.arange(1.0, 7).reshape(-1, 1, 1)).sum(), [x, *neuron.parameters()]
    ):
        assert gradient.isfinite().all()
