"""Running a sequence block by block gives what the loop of `step` gives."""

from __future__ import annotations

import pytest
import torch

from snnplug.nn import SURROGATES, IntegrateAndFire, Leak, MembraneState, SpikingNeuron, blocked, layout
from snnplug.nn.blocked import is_covered, run_blocks
from snnplug.nn.reset import Rule
from snnplug.testing import covering

LEAKS = {
    "none": {},
    "tau": {"tau": 2.3},
    "tau, plain input": {"tau": 2.3, "decay_input": False},
    "rate": {"rate": 0.4},
    "rate, plain input": {"rate": 0.4, "decay_input": False},
}
RESETS = [("hard", 0.0), ("hard", -0.25), ("soft", 0.0), ("none", 0.0)]


class Neuron(IntegrateAndFire):
    def __init__(self, leak=None, **settings):
        defaults = {"threshold": 1.0, "reset": "hard", "reset_value": 0.0, "detach_reset": True}
        super().__init__(**{**defaults, "surrogate": "atan", "alpha": None, **settings})
        self.given = dict(leak or {})
        if "rate" in self.given:
            self.rate = torch.nn.Parameter(torch.tensor(self.given["rate"], dtype=torch.float64))

    def leak(self):
        rate = {"rate": self.rate * 1.0} if "rate" in self.given else {}
        return Leak(**{**self.given, **rate}, rest=self.reset_value)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of at most 7 neurons: several, of unequal size, across the borders of samples.

    In the backward pass they are taken a few steps at a time.
    """
    monkeypatch.setattr(blocked, "GRAIN", 3)
    monkeypatch.setattr(layout, "GRAIN", 3)
    monkeypatch.setattr(layout, "_MOST", 7)
    monkeypatch.setattr(layout, "_LEAST", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)


@pytest.fixture
def calls(monkeypatch):
    """The calls of `run_blocks`."""
    seen = []

    def run(*args):
        seen.append(args)
        return blocked.run_blocks(*args)

    monkeypatch.setattr("snnplug.nn.membrane.run_blocks", run)
    return seen


def values(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def by_step(neuron, x, state):
    return SpikingNeuron.sequence(neuron, x, state)


def everything(neuron, way, x, start, *, shared=False):
    """Return spikes, last potential, and the gradients of current, start and parameters."""
    x, start = x.detach().clone().requires_grad_(), start.detach().clone().requires_grad_()
    v = start.expand(x.shape[1:]) if shared else start
    spikes, state = way(neuron, x, MembraneState(v))
    loss = (spikes * values(*spikes.shape, seed=3).to(x)).sum() + state.v.square().sum()
    return [spikes, state.v, *torch.autograd.grad(loss, [x, start, *neuron.parameters()])]


def assert_same(one, other, tolerance=1e-12):
    for a, b in zip(one[:2], other[:2], strict=True):
        assert torch.equal(a, b)
    for a, b in zip(one[2:], other[2:], strict=True):
        assert b.any()
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance * float(b.abs().max()))


@pytest.mark.parametrize(
    "settings",
    covering(surrogate=sorted(SURROGATES), leak=LEAKS, reset=RESETS, detach=[True, False]),
    ids=str,
)
def test_equals_the_loop(calls, settings):
    reset, reset_value = settings["reset"]
    neuron = Neuron(
        LEAKS[settings["leak"]],
        reset=reset,
        reset_value=reset_value,
        detach_reset=settings["detach"],
        surrogate=settings["surrogate"],
        alpha=1.5,
    )
    x, start = 1.5 * values(6, 3, 5) + 0.6, 0.3 * values(3, 5, seed=1)
    blocks = everything(neuron, Neuron.sequence, x, start)
    assert len(calls) == 1
    assert 0.05 < blocks[0].mean() < 0.95
    assert_same(blocks, everything(neuron, by_step, x, start))


@pytest.mark.parametrize("leak", LEAKS, ids=str)
def test_float32(leak):
    neuron = Neuron(LEAKS[leak]).float()
    x, start = values(6, 3, 5, dtype=torch.float32) + 1, values(3, 5, seed=1, dtype=torch.float32)
    results = [everything(neuron, way, x, start) for way in (Neuron.sequence, by_step)]
    assert results[0][0].dtype == torch.float32
    assert_same(*results, tolerance=1e-5)


@pytest.mark.parametrize("size", [(5,), (2, 3), (20,), (1,)])
def test_start_shared_by_the_samples(size):
    neuron, x = Neuron({"tau": 2.0}), values(4, 3, *size) + 1
    start = values(*size, seed=1)
    results = [everything(neuron, way, x, start, shared=True) for way in (Neuron.sequence, by_step)]
    assert_same(*results)


def from_shared(neuron, x, start, size, *, loop=False):
    """Return what `everything` does, from a `start` that broadcasts to the `size` of one sample."""
    x, start = x.detach().clone().requires_grad_(), start.detach().clone().requires_grad_()
    if loop:
        spikes, state = by_step(neuron, x, MembraneState(start.expand(x.shape[1:])))
    else:
        spikes, state = neuron.sequence_from(x, start.expand(size))
    loss = (spikes * values(*spikes.shape, seed=3).to(x)).sum() + state.v.square().sum()
    return [spikes, state.v, *torch.autograd.grad(loss, [x, start, *neuron.parameters()])]


SIZES = [(5,), (2, 3), (7,), (20,), (1,), (), (3, 2, 2)]  # blocks have 7 neurons


@pytest.mark.parametrize(
    "settings",
    covering(
        size=SIZES,
        batch=[1, 3, 8],
        each=["neuron", "channel", "layer"],
        leak=["none", "tau", "rate, plain input"],
    ),
    ids=str,
)
def test_start_without_batch_axis(calls, settings):
    leak, size, batch, each = (settings[name] for name in ("leak", "size", "batch", "each"))
    shape = {"neuron": size, "channel": (*size[:1], *[1] * (len(size) - 1)), "layer": ()}[each]
    neuron, x = Neuron(LEAKS[leak], detach_reset=False), values(4, batch, *size) + 1
    results = [from_shared(neuron, x, values(*shape, seed=1), size, loop=loop) for loop in (False, True)]
    assert [args[1].shape for args in calls] == [size]
    assert results[0][3].shape == shape
    assert_same(*results)


def test_start_without_batch_axis_in_blocks_of_every_size(monkeypatch):
    neuron, x, start = Neuron({"tau": 2.3}), values(3, 5, 6) + 1, values(6, seed=1)
    loop = from_shared(neuron, x, start, (6,), loop=True)
    for most in range(1, 32):
        monkeypatch.setattr(layout, "_MOST", most)
        assert_same(from_shared(neuron, x, start, (6,)), loop)


def test_start_without_batch_axis_in_channels_last(calls):
    neuron, x, start = Neuron({"tau": 2.3}), values(4, 3, 2, 4, 5) + 0.8, values(2, 4, 5, seed=1)
    turned = x.flatten(0, 1).to(memory_format=torch.channels_last).unflatten(0, x.shape[:2])
    found = [from_shared(neuron, x, start, (2, 4, 5), loop=loop) for x, loop in ((turned, False), (x, True))]
    assert found[0][0][0].is_contiguous(memory_format=torch.channels_last)
    assert len(calls) == 1
    assert_same(*found)


def test_start_without_batch_axis_has_the_true_gradient():
    # without spikes the last potential is a smooth function
    neuron = Neuron({"tau": 2.3}, threshold=1e3, reset="none")
    x, start = values(3, 4, 5).requires_grad_(), values(5, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, v: neuron.sequence_from(x, v)[1].v, (x, start))
    (gradient,) = torch.autograd.grad(neuron.sequence_from(x, start)[1].v.sum(), start)
    torch.testing.assert_close(gradient, torch.full_like(start, 4 * (1 - 1 / 2.3) ** 3))


def test_second_derivative_from_a_start_without_batch_axis():
    neuron, x = Neuron({"rate": 0.4}, detach_reset=False), values(3, 4, 5) + 0.8
    found = []
    for way in (Neuron.sequence_from, SpikingNeuron.sequence_from):
        if way is SpikingNeuron.sequence_from:
            neuron.sequence = lambda x, state: by_step(neuron, x, state)
        own = [x.detach().requires_grad_(), values(5, seed=1).requires_grad_(), neuron.rate]
        spikes, _ = way(neuron, *own[:2])
        first = torch.autograd.grad((spikes * spikes.detach()).sum(), own, create_graph=True)
        found.append((*first, *torch.autograd.grad(sum(f.square().sum() for f in first), own)))
    assert found[0][4].any()
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "arrange",
    [
        lambda x: x,
        lambda x: x.flatten(0, 1).to(memory_format=torch.channels_last).unflatten(0, x.shape[:2]),
        lambda x: x.transpose(1, 4).contiguous().transpose(1, 4),
        lambda x: x[0].expand_as(x),
        lambda x: x[0].to(memory_format=torch.channels_last).expand_as(x),
        lambda x: torch.cat([x, x], 2)[:, :, :3],
    ],
    ids=["plain", "channels last", "turned", "static", "static channels last", "cut out"],
)
def test_memory_formats(arrange):
    neuron, x = Neuron({"tau": 2.0}), values(4, 2, 3, 4, 5) + 0.8
    x, start = arrange(x), values(2, 3, 4, 5, seed=1)
    assert_same(*(everything(neuron, way, x, start) for way in (Neuron.sequence, by_step)))
    spikes = neuron(x)
    assert torch.equal(spikes, neuron(x.contiguous()))
    folded = spikes.flatten(0, 1)
    assert folded.data_ptr() == spikes.data_ptr()  # a view: folding copies nothing
    if x[0].is_contiguous(memory_format=torch.channels_last):
        assert folded.is_contiguous(memory_format=torch.channels_last)
    else:
        assert folded.is_contiguous()


@pytest.mark.parametrize("use", ["spikes", "potential", "sum"])
def test_part_of_the_results(use):
    neuron, x = Neuron({"rate": 0.4}), values(4, 2, 5) + 0.8
    found = []
    for way in (Neuron.sequence, by_step):
        x = x.detach().requires_grad_()
        spikes, state = way(neuron, x, neuron.initial_state(x[0]))
        loss = {"spikes": spikes[2].square(), "potential": state.v, "sum": spikes}[use].sum()
        found.append(torch.autograd.grad(loss, [x, neuron.rate]))
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


def test_only_the_rate_is_learned():
    neuron, x = Neuron({"rate": 0.4}), values(4, 2, 5) + 0.8
    found = [
        torch.autograd.grad(way(neuron, x, neuron.initial_state(x[0]))[0].sum(), neuron.rate)
        for way in (Neuron.sequence, by_step)
    ]
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


def test_stream_from_a_potential_that_depends_on_the_current():
    neuron, x = Neuron({"tau": 2.0}, detach_reset=False), values(3, 2, 5) + 0.8
    found = []
    for way in (Neuron.sequence, by_step):
        x = x.detach().requires_grad_()
        state = neuron.initial_state(x[0])
        for _ in range(2):  # the same current twice
            spikes, state = way(neuron, x, state)
        (first,) = torch.autograd.grad((spikes * spikes.detach()).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        found.append((first, second))
    assert found[0][1].any()
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-12)


def test_neither_gradient_nor_graph_without_need():
    x = values(4, 2, 5)
    assert not Neuron()(x).requires_grad
    x.requires_grad_()
    with torch.no_grad():
        assert not Neuron()(x).requires_grad
    assert Neuron()(x).grad_fn.next_functions[0][0].variable is x  # one node, whatever the steps


class OtherCharge(Neuron):
    def charge(self, x, v):
        return v + 2 * x


class OtherStep(Neuron):
    def step(self, x, state):
        s, state = super().step(2 * x, state)
        return s, state


@pytest.mark.parametrize("cls", [OtherCharge, OtherStep])
def test_a_subclass_with_its_own_step_or_charge_is_run_step_by_step(calls, cls):
    neuron, x = cls(), values(4, 2, 5)
    assert torch.equal(neuron(x), Neuron()(2 * x))
    assert len(calls) == 1  # that of the plain neuron


class Charged(Neuron):
    def initial_state(self, x):
        raise AssertionError("asked")


class OwnSequence(Neuron):
    def sequence(self, x, state):
        assert state.v.shape == x.shape[1:]
        return super().sequence(2 * x, state)


def test_a_subclass_with_its_own_state_or_sequence_gets_the_start_for_every_sample(calls):
    x, start = values(4, 3, 5) + 0.8, values(5, seed=1)
    with pytest.raises(AssertionError, match="asked"):
        Charged().sequence_from(x, start)
    for cls in (OtherCharge, OtherStep, OwnSequence):
        assert torch.equal(cls().sequence_from(x, start)[0], Neuron().sequence_from(2 * x, start)[0])
    assert [args[1].shape for args in calls] == [(5,), (5,), (3, 5), (5,)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_run_step_by_step(calls, dtype):
    assert Neuron()(values(4, 2, 5, dtype=dtype)).dtype == dtype
    assert not calls


def test_neuron_with_neither_leak_nor_charge_says_what_to_write():
    class Empty(Neuron):
        def leak(self):
            return None

    with pytest.raises(NotImplementedError, match="Empty must define leak or charge"):
        Empty()(values(2, 1, 1))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("reset", ["hard", "soft", "none"])
def test_narrow_currents_beside_a_wide_potential_without_gradients(dtype: torch.dtype, reset: str) -> None:
    rule = Rule(1.0, reset, 0.0, True, "atan", 2.0)
    x = (2 * torch.randn(5, 3, 7, generator=torch.Generator().manual_seed(0))).to(dtype)
    v, leak = torch.rand(3, 7), Leak(tau=1.5)
    assert not is_covered(x, v)
    with torch.no_grad():
        assert is_covered(x, v)
        spikes, last = run_blocks(x, v, leak, rule)
        assert (spikes.dtype, last.dtype) == (dtype, torch.float32)
        for current, s in zip(x, spikes, strict=True):
            expected, v = rule.fire(leak.charge(current, v))
            assert torch.equal(s, expected.to(dtype))
        assert torch.equal(last, v)
