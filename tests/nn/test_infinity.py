"""An infinite current counts as a very large one: no neuron is left at NaN, and no gradient is."""

from __future__ import annotations

import math

import pytest
import torch

from snnplug.nn import IntegrateAndFire, Leak, MembraneState, SpikingNeuron, reset_membrane, saturate, spike
from snnplug.nn.blocked import is_covered
from snnplug.nn.surrogate import SURROGATES

INF = math.inf
LEAKS = {
    "none": {},
    "tau": {"tau": 2.3},
    "tau, plain input": {"tau": 2.3, "decay_input": False},
    "rate": {"rate": 0.4},
    "rate, plain input": {"rate": 0.4, "decay_input": False},
}
RESETS = [("hard", 0.0), ("hard", -0.25), ("soft", 0.0), ("none", 0.0)]
CURRENTS = {
    "+": [0.3, INF, 0.2, 5.0, 0.9],
    "-": [5.0, -INF, 0.4, 5.0, 1.0],
    "last": [0.3, 5.0, 0.1, 0.2, -INF],
    "+ then -": [INF, 0.3, 5.0, -INF, 2.0],
    "always": [INF] * 5,
}


class Neuron(IntegrateAndFire):
    def __init__(self, leak=None, dtype=torch.float32, **settings):
        defaults = {"threshold": 1.0, "reset": "hard", "reset_value": 0.0, "detach_reset": True}
        super().__init__(**{**defaults, "surrogate": "atan", "alpha": None, **settings})
        self.given = dict(leak or {})
        if "rate" in self.given:
            self.rate = torch.nn.Parameter(torch.tensor(self.given["rate"], dtype=dtype))

    def leak(self):
        rate = {"rate": self.rate * 1.0} if "rate" in self.given else {}
        return Leak(**{**self.given, **rate}, rest=self.reset_value)


def by_step(neuron, x, state):
    return SpikingNeuron.sequence(neuron, x, state)


def currents(values, dtype=torch.float32):
    """One neuron with these currents between two with ordinary ones, `[T, 1, 3]`."""
    ordinary = 2 * torch.rand(len(values), 2, generator=torch.Generator().manual_seed(0))
    x = torch.stack([ordinary[:, 0], torch.tensor(values), ordinary[:, 1]], 1)
    return x.unsqueeze(1).to(dtype)


def everything(neuron, way, x):
    """Return spikes, last potential, and the gradients of current and parameters."""
    x = x.detach().clone().requires_grad_()
    spikes, state = way(neuron, x, neuron.initial_state(x[0]))
    weight = torch.arange(1.0, spikes.numel() + 1).view_as(spikes)
    return [spikes, state.v, *torch.autograd.grad((spikes.float() * weight).sum(), [x, *neuron.parameters()])]


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize(("reset", "reset_value"), RESETS)
@pytest.mark.parametrize("leak", LEAKS)
def test_everything_is_finite_and_blocks_equal_the_loop(leak, reset, reset_value, detach):
    neuron = Neuron(LEAKS[leak], reset=reset, reset_value=reset_value, detach_reset=detach)
    for values in CURRENTS.values():
        x = currents(values)
        assert is_covered(x, x[0])
        blocks, loop = (everything(neuron, way, x) for way in (Neuron.sequence, by_step))
        for a, b in zip(blocks, loop, strict=True):
            assert b.isfinite().all()
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)
        assert torch.equal(blocks[0], loop[0])
        assert torch.equal(blocks[1], loop[1])


@pytest.mark.parametrize("reset", ["hard", "soft", "none"])
@pytest.mark.parametrize("leak", LEAKS)
def test_spikes_are_those_of_a_very_large_current(leak, reset):
    neuron = Neuron(LEAKS[leak], reset=reset)
    for case, values in CURRENTS.items():
        if leak == "none" and case == "+ then -" and reset != "hard":
            continue  # one cancels the other, or not
        x = currents(values, torch.float64)
        for way in (Neuron.sequence, by_step):
            found, expected = (
                way(neuron, given, neuron.initial_state(given[0]))[0] for given in (x, x.clamp(-1e30, 1e30))
            )
            assert torch.equal(found, expected)


def test_the_neurons_beside_it_are_as_without_it():
    x = currents(CURRENTS["+"])
    for neuron in (Neuron(), Neuron({"rate": 0.4}), Neuron({"tau": 2.0}, reset="soft")):
        alone = everything(neuron, Neuron.sequence, x[..., [0, 2]])
        beside = everything(neuron, Neuron.sequence, x)
        assert torch.equal(beside[0][..., [0, 2]], alone[0])
        assert torch.equal(beside[1][..., [0, 2]], alone[1])


def test_an_overflow_of_finite_currents_is_one_too():
    x = torch.full((4, 1, 1), 3e38)
    for reset, expected in (("hard", 0.0), ("none", torch.finfo(torch.float32).max)):
        for way in (Neuron.sequence, by_step):
            neuron = Neuron(reset=reset)
            spikes, state = way(neuron, x, neuron.initial_state(x[0]))
            assert spikes.flatten().tolist() == [1.0] * 4
            assert state.v.item() == expected


def test_large_finite_values_are_left_alone():
    x = torch.tensor([-2e38, 1e38, -1.0]).view(3, 1, 1)
    neuron = Neuron({"tau": 2.0})
    results = [way(neuron, x, neuron.initial_state(x[0])) for way in (Neuron.sequence, by_step)]
    assert torch.equal(results[0][1].v, results[1][1].v)
    assert results[0][1].v.item() == pytest.approx(-0.5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("grad", [True, False])
def test_half_precision(dtype, grad):
    x = currents([INF, 5.0, -INF, 5.0], dtype)
    neuron = Neuron({"rate": 0.4})
    with torch.set_grad_enabled(grad):
        spikes = neuron(x)
    assert spikes[:, 0, 1].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert spikes.dtype == dtype
    if grad:
        assert all(value.isfinite().all() for value in everything(neuron, Neuron.sequence, x))


def test_overflow_where_float16_made_it():
    x = (torch.tensor([300.0, 0.02]).half() * torch.tensor([300.0, 300.0]).half()).view(2, 1, 1)
    assert x[0].isinf()
    assert Neuron()(x).flatten().tolist() == [1.0, 1.0]


@pytest.mark.parametrize("surrogate", sorted(SURROGATES))
@pytest.mark.parametrize("way", [Neuron.sequence, by_step], ids=["blocks", "loop"])
def test_second_derivatives_are_finite(surrogate, way):
    neuron = Neuron({"rate": 0.4}, surrogate=surrogate, detach_reset=False)
    x = currents(CURRENTS["+ then -"]).requires_grad_()
    own = [x, neuron.rate]
    first = torch.autograd.grad(way(neuron, x, neuron.initial_state(x[0]))[0].sum(), own, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), own, allow_unused=True)
    assert all(g is None or g.isfinite().all() for g in (*first, *second))


def test_stream_continues_after_it():
    neuron, x = Neuron({"tau": 2.0}), currents(CURRENTS["-"])
    whole, _ = neuron(x, neuron.initial_state(x[0]))
    state, parts = neuron.initial_state(x[0]), []
    for part in x.split(2):
        spikes, state = neuron(part, state)
        parts.append(spikes)
    assert torch.equal(torch.cat(parts), whole)


def test_start_shared_by_the_samples():
    neuron, x = Neuron({"tau": 2.0}), currents(CURRENTS["+"]).repeat(1, 4, 1)
    start = torch.rand(3).requires_grad_()
    spikes, state = neuron.sequence_from(x, start)
    expected, end = by_step(neuron, x, MembraneState(start.expand(4, 3)))
    assert torch.equal(spikes, expected)
    assert torch.equal(state.v, end.v)
    (found,) = torch.autograd.grad(spikes.sum(), start)
    torch.testing.assert_close(found, torch.autograd.grad(expected.sum(), start)[0])


def test_nan_stays_nan():
    x = currents([0.3, math.nan, 5.0])
    for way in (Neuron.sequence, by_step):
        neuron = Neuron({"tau": 2.0})
        spikes, state = way(neuron, x, neuron.initial_state(x[0]))
        assert state.v[0, 1].isnan()
        assert spikes[1:, 0, 1].tolist() == [0.0, 0.0]
    assert saturate(x).isnan().sum() == 1


@pytest.mark.parametrize("reset", ["hard", "soft", "none"])
@pytest.mark.parametrize("detach", [True, False])
def test_reset_on_its_own(reset, detach):
    h = torch.tensor([INF, -INF, 1.5, 0.5], requires_grad=True)
    s = spike(h - 1)
    v = reset_membrane(h, s.detach() if detach else s, reset, 1.0, 0.0)
    assert v.isfinite().all()
    (grad,) = torch.autograd.grad((3 * v * torch.tensor([1.0, 0.0, 1.0, 1.0])).sum(), h)
    assert grad.isfinite().all()
    ordinary = h.detach()[2:].requires_grad_()
    s = spike(ordinary - 1)
    s = s.detach() if detach else s
    by_hand = {"hard": (1 - s) * ordinary, "soft": ordinary - s, "none": ordinary}[reset]
    torch.testing.assert_close(grad[2:], torch.autograd.grad(3 * by_hand.sum(), ordinary)[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_saturate(dtype):
    x = torch.tensor([INF, -INF, 0.5, -60000.0], dtype=dtype)
    y = saturate(x)
    assert y.dtype == torch.promote_types(dtype, torch.float32)
    assert (y * y).isfinite().all()
    assert torch.equal(y[2:], x[2:].to(y.dtype))
