from __future__ import annotations

import math
from typing import NamedTuple

import pytest
import torch
from snnplug_imp.neuron import IMP
from torch import Tensor, nn
from torch.testing import assert_close

from snnplug import NeuronSpec, Registry
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import (
    IntegrateAndFire,
    Leak,
    MembraneState,
    SpikingNeuron,
    TimeSequential,
    as_neuron,
    materialize,
    seeded,
    spike,
)
from snnplug.testing import step_loop


class Leaky(SpikingNeuron):
    """Charge `h = v + (x - v)/tau`, spike at `h >= 1`, hard reset to 0 or soft one. tau is in time steps."""

    def __init__(self, *, tau: float = 2.0, soft: bool = True) -> None:
        super().__init__()
        self.tau, self.soft, self.stepped = tau, soft, 0

    def step(self, x, state):
        self.stepped += 1
        h = state.v + (x - state.v) / self.tau
        s = spike(h - 1, "sigmoid")
        return s, MembraneState(h - s if self.soft else (1 - s) * h)

    def sequence(self, x, state):
        before = self.stepped
        result = super().sequence(x, state)
        self.stepped = before
        return result


class Linear(IntegrateAndFire):
    """The same in the form that is run block by block."""

    def __init__(self, *, detach_reset: bool = True) -> None:
        super().__init__(
            threshold=1.0,
            reset="hard",
            reset_value=0.0,
            detach_reset=detach_reset,
            surrogate="atan",
            alpha=None,
        )

    def leak(self):
        return Leak(tau=3.0)


class Smooth(SpikingNeuron):
    """The same with a smooth spike, so that its gradient is the true one."""

    def step(self, x, state):
        h = state.v + (x - state.v) / 2
        s = torch.sigmoid(4 * (h - 1))
        return s, MembraneState(h - s)


class AdaptiveState(NamedTuple):
    v: Tensor
    rise: Tensor


class Adaptive(SpikingNeuron):
    """A threshold that rises with each spike: its state has a second field."""

    def initial_state(self, x):
        return AdaptiveState(torch.zeros_like(x), torch.zeros_like(x))

    def step(self, x, state):
        h = 0.5 * state.v + x
        s = spike(h - 1 - state.rise)
        return s, AdaptiveState(h - s, 0.9 * state.rise + 0.1 * s)


class Windowed(SpikingNeuron):
    windowed = True


class Forgetful(SpikingNeuron):
    """Reports a potential, and never uses it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def step(self, x, state):
        return spike(self.weight * x - 1), MembraneState(self.weight * x)


class WithoutState(NamedTuple):
    count: int


class Without(SpikingNeuron):
    def initial_state(self, x):
        return WithoutState(0)


class Graded(Leaky):
    graded = True


class Analog(Leaky):
    analog = True


@pytest.fixture(scope="module")
def registry():
    found = Registry.from_installed(quiet=True)
    for cls in (Leaky, Linear, Smooth, Adaptive, Windowed, Forgetful, Without, Graded, Analog):
        graded, windowed = cls.graded, cls.windowed
        spec = NeuronSpec(
            name=cls.__name__.lower(), target=cls, summary="For tests.", graded=graded, windowed=windowed
        )
        found.register(spec, plugin="toys")
    return found


def current(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype) + 0.8


def make(registry, x=None, base="toys:leaky", **parameters):
    with seeded(0):
        imp = registry.create("neuron", "snnplug-imp:imp", base=base, **parameters)
        if x is not None:
            materialize(imp, x)
    return imp


X = current(5, 3, 2, 4, 4)


# the parameter


@pytest.mark.parametrize(
    ("parameters", "low", "high"),
    [
        ({}, 0.4, 0.6),
        ({"family": "spikingjelly"}, 0.4, 0.6),
        ({"family": "legacy"}, -0.2, 0.2),
        ({"low": -1.0}, -1.0, 0.6),
        ({"family": "legacy", "low": 2.0, "high": 3.0}, 2.0, 3.0),
    ],
    ids=str,
)
def test_initial_distribution(registry, parameters, low, high):
    theta = make(registry, current(1, 1, 40, 50), **parameters).theta.detach()
    assert low <= theta.min() < low + 0.02 * (high - low)
    assert high - 0.02 * (high - low) < theta.max() <= high
    assert theta.mean() == pytest.approx((low + high) / 2, abs=0.05 * (high - low))


@pytest.mark.parametrize(
    ("shape", "expected", "flat"),
    [("neuron", (2, 4, 4), (6,)), ("channel", (2, 1, 1), (6,)), ("layer", (), ())],
)
def test_shape(registry, shape, expected, flat):
    imp = make(registry, X, shape=shape)
    assert imp.theta.shape == expected
    assert imp.theta.dtype == torch.float64
    state = imp.initial_state(X[0])
    assert state.v.shape == X[0].shape
    assert torch.equal(state.v[1], imp.theta.expand(2, 4, 4))
    # [B, N]: one for each neuron, and not one for the layer as in the published code
    assert make(registry, current(5, 3, 6), shape=shape).theta.shape == flat


@pytest.mark.parametrize("shape", ["neuron", "channel", "layer"])
@pytest.mark.parametrize("sigmoid", [False, True])
def test_every_variant_trains(registry, shape, sigmoid):
    # published variants crash, or have a start that is never drawn
    imp = make(registry, X, shape=shape, sigmoid=sigmoid)
    before = imp.theta.detach().clone()
    optimizer = torch.optim.SGD(imp.parameters(), lr=0.1)
    imp(X).mean().backward()
    optimizer.step()
    assert (imp.theta != before).all()


def test_a_theta_that_is_not_learned_stays_as_it_was_drawn(registry):
    def trained(learnable):
        with seeded(0):
            neuron = make(registry, learnable=learnable)
            net = TimeSequential(nn.Linear(3, 4), neuron)
            materialize(net, torch.rand(5, 2, 3))
        drawn = neuron.theta.detach().clone()
        wanted = [p for p in net.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(wanted, lr=0.1)
        net(torch.rand(5, 2, 3)).sum().backward()
        optimizer.step()
        return drawn, neuron.theta.detach(), len(wanted)

    drawn, after, wanted = trained(False)
    assert torch.equal(drawn, after)
    assert wanted == 2
    assert torch.equal(drawn, trained(True)[0])
    assert not torch.equal(*trained(True)[:2])


def test_sigmoid_by_hand(registry):
    imp = make(registry, X, sigmoid=True)
    with torch.no_grad():
        imp.theta.fill_(math.log(3))  # sigmoid: 0.75
    assert imp.initial_state(X[0]).v.flatten().tolist() == pytest.approx([0.75] * X[0].numel())


def test_state_of_the_base_is_kept(registry):
    imp = make(registry, X, base="toys:adaptive")
    state = imp.initial_state(X[0])
    assert type(state) is AdaptiveState
    assert not state.rise.any()
    assert torch.equal(state.v[0], imp.theta)
    assert imp(X).any()


def test_half_precision(registry):
    x = X.to(torch.float16)
    imp = make(registry, x.float()).half()
    assert imp(x).dtype == torch.float16


def test_graded_as_its_base(registry):
    assert make(registry, base="toys:graded").graded
    assert not make(registry).graded


# what it computes


def test_first_charge_decays_theta(registry):
    # tau 2: h = theta/2 + x/2, so x = 1.2 fires from theta = 0.8 and not from 0.79
    x = torch.full((1, 1, 2), 1.2, dtype=torch.float64)
    imp = make(registry, x)
    imp.theta.data = torch.tensor([0.8, 0.79], dtype=torch.float64)
    assert imp(x).tolist() == [[[1.0, 0.0]]]


@pytest.mark.parametrize("base", ["toys:leaky", "toys:adaptive"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_zero_theta_is_the_base_to_the_bit(registry, base, dtype):
    x = X.to(dtype).requires_grad_()
    imp = make(registry, x, base=base)
    nn.init.zeros_(imp.theta)
    ours, plain = imp(x), imp.base(x)
    assert torch.equal(ours, plain)
    weights = current(*x.shape, dtype=dtype, seed=1)
    assert torch.equal(*(torch.autograd.grad((s * weights).sum(), x)[0] for s in (ours, plain)))


def test_gradient_is_the_sum_over_the_batch(registry):
    imp, weights = make(registry, X), current(*X.shape, seed=1)
    (gradient,) = torch.autograd.grad((imp(X) * weights).sum(), imp.theta)
    v0 = imp.theta.detach().expand_as(X[0]).clone().requires_grad_()
    spikes, _ = imp.base(X, MembraneState(v0))
    (by_sample,) = torch.autograd.grad((spikes * weights).sum(), v0)
    assert gradient.abs().min() > 0
    assert_close(gradient, by_sample.sum(0))


@pytest.mark.parametrize("sigmoid", [False, True])
@pytest.mark.parametrize("shape", ["neuron", "channel", "layer"])
def test_gradient_by_finite_differences(registry, shape, sigmoid):
    imp, weights = (
        make(registry, X, base="toys:smooth", shape=shape, sigmoid=sigmoid),
        current(*X.shape, seed=1),
    )

    def loss(theta):
        return (torch.func.functional_call(imp, {"theta": theta}, X) * weights).sum()

    assert torch.autograd.gradcheck(loss, imp.theta.detach().clone().requires_grad_())


@pytest.mark.parametrize("sigmoid", [False, True])
@pytest.mark.parametrize("shape", ["neuron", "channel", "layer"])
@pytest.mark.parametrize("sizes", [(2, 4, 4), (3, 200, 120)], ids=str)  # the second needs many blocks
def test_gradient_of_a_start_that_is_not_written_out_for_each_sample(registry, sizes, shape, sigmoid):
    x = current(4, 3, *sizes).requires_grad_()
    base = {"use": "toys:linear", "detach_reset": False}
    imp = make(registry, x.detach(), base=base, shape=shape, sigmoid=sigmoid)
    weights = current(*x.shape, seed=1)
    ours = imp(x)
    loop, _ = step_loop(imp, x)
    assert torch.equal(ours, loop)
    found = [torch.autograd.grad((s * weights).sum(), [x, imp.theta]) for s in (ours, loop)]
    assert found[0][1].abs().min() > 0
    for a, b in zip(*found, strict=True):
        assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_theta_enters_the_sequence_as_it_is(registry):
    x = X.detach().clone().requires_grad_()
    imp = make(registry, X, base="toys:linear")
    inputs = [node.variable for node, _ in imp(x).grad_fn.next_functions if node is not None]
    assert inputs[0] is x
    assert inputs[1] is imp.theta  # no copy for each sample in between


def test_compiled_as_one_graph(registry):
    imp = make(registry, X, base="toys:linear", shape="channel")
    compiled, weights = torch.compile(imp, fullgraph=True, backend="aot_eager"), current(*X.shape, seed=1)
    spikes = [run(X) for run in (imp, compiled)]
    assert torch.equal(*spikes)
    assert_close(*(torch.autograd.grad((s * weights).sum(), imp.theta) for s in spikes))


def test_reset_leads_where_the_base_says(registry):
    # hard reset: theta .9, x = 2 fires at once; then 0.5 of v = 0, not of theta
    x = torch.tensor([2.0, 1.0], dtype=torch.float64).reshape(2, 1, 1)
    imp = make(registry, x, base={"use": "toys:leaky", "soft": False})
    nn.init.constant_(imp.theta, 0.9)
    s, state = imp.step(x[0], imp.initial_state(x[0]))
    assert (s.item(), state.v.item()) == (1.0, 0.0)
    s, state = imp.step(x[1], state)
    assert (s.item(), state.v.item()) == (0.0, 0.5)


def test_runs_the_sequence_of_its_base(registry):
    imp = make(registry, X)
    imp.base.stepped = 0
    imp(X)
    assert imp.base.stepped == 0


# what it remembers


def test_memory_carries_over_in_step_mode(registry):
    # the published nodes put theta back at every single step
    imp = make(registry, X)
    assert torch.equal(step_loop(imp, X)[0], imp(X))
    overwritten = torch.stack([imp.step(x, imp.initial_state(x))[0] for x in X])
    assert not torch.equal(overwritten, imp(X))


def test_every_sequence_starts_from_theta_and_a_stream_does_not(registry):
    imp = make(registry, X)
    assert torch.equal(imp(X), imp(X))
    first, state = imp(X[:2], imp.initial_state(X[0]))
    second, _ = imp(X[2:], state)
    assert torch.equal(torch.cat([first, second]), imp(X))


def test_batch_size_may_change(registry):
    imp = make(registry, X)
    imp(current(5, 7, 2, 4, 4, seed=1))
    assert torch.equal(imp(X[:, :1]), imp(X)[:, :1])


def test_says_nothing(registry, capsys):
    make(registry, X)(X)
    assert capsys.readouterr() == ("", "")


# as part of a network


def network(registry, x):
    component = registry.use("neuron", "snnplug-imp:imp", base="toys:leaky")
    with seeded(0):
        model = TimeSequential(nn.Conv2d(2, 3, 3), as_neuron(component), nn.Flatten(), nn.LazyLinear(3))
        materialize(model, x)
    return model


def test_optimizer_made_after_materialize_trains_theta(registry):
    x = X.float()
    model = network(registry, x)
    theta = model.layers[1].theta
    assert theta.shape == (3, 2, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    assert id(theta) in {id(p) for group in optimizer.param_groups for p in group["params"]}
    before = theta.detach().clone()
    model(x).square().sum().backward()
    optimizer.step()
    assert (theta != before).all()


def test_checkpoint_round_trip(registry):
    x = X.float()
    imp, fresh = make(registry, x), make(registry)
    fresh.load_state_dict(imp.state_dict())
    assert torch.equal(fresh.theta, imp.theta)
    assert torch.equal(fresh(x), imp(x))


def test_checkpoint_of_another_input_size_is_refused(registry):
    small, large = (
        network(registry, X.float()),
        network(registry, current(5, 3, 2, 6, 6, dtype=torch.float32)),
    )
    state = {name: value for name, value in large.state_dict().items() if not name.startswith("layers.3")}
    with pytest.raises(RuntimeError) as caught:
        small.load_state_dict(state, strict=False)
    (line,) = str(caught.value).splitlines()[1:]
    assert line.strip() == (
        "size mismatch for layers.1.theta: the checkpoint has [3, 4, 4], this network [3, 2, 2]. "
        "The parameters of IMP follow its input: build the network for inputs and steps like the "
        "checkpoint's, or take this entry out of it and load with strict=False"
    )


def test_input_of_another_size_is_refused(registry):
    message = r"theta has the shape \[2, 4, 4\].*this input \[3, 2, 6, 6\] needs \[2, 6, 6\]"
    with pytest.raises(ContractError, match=message):
        make(registry, X)(current(5, 3, 2, 6, 6))
    assert make(registry, X, shape="channel")(current(5, 3, 2, 6, 6)).any()


# what it refuses


def test_bases_without_a_potential(registry):
    with pytest.raises(ContractError, match="Windowed takes the whole window of steps at once and has none"):
        make(registry, base="toys:windowed")
    with pytest.raises(ContractError, match="Analog sends analog values and has none"):
        make(registry, base="toys:analog")
    with pytest.raises(ContractError, match="IMP has a learnable one already"):
        make(registry, base={"use": "snnplug-imp:imp", "base": "toys:leaky"})
    with pytest.raises(ContractError, match="Without has none in its state"):
        make(registry, X, base="toys:without")
    with pytest.raises(ContractError, match="Forgetful keeps none from one step to the next"):
        make(registry, X, base="toys:forgetful")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"shape": "pixel"}, "'pixel' is not one of 'neuron', 'channel', 'layer'"),
        ({"family": "other"}, "'other' is not one of 'spikingjelly', 'legacy'"),
        ({"low": 0.7}, "low must be finite and not above high, got low=0.7, high=0.6"),
        ({"high": math.inf}, "low must be finite and not above high, got low=0.4, high=inf"),
        ({"base": "nothing_like_it"}, "nothing_like_it"),
    ],
)
def test_parameter_errors(registry, parameters, message):
    with pytest.raises((ParameterError, LookupError), match=message):
        make(registry, **parameters)


def test_direct_construction_checks_too(registry):
    base = registry.use("neuron", "toys:leaky")
    with pytest.raises(ValueError, match="shape must be one of 'neuron', 'channel', 'layer', got 'pixel'"):
        IMP(base=base, shape="pixel")
    with pytest.raises(ValueError, match="family must be one of 'spikingjelly', 'legacy', got 'other'"):
        IMP(base=base, family="other")


def test_repr(registry):
    assert repr(make(registry)).startswith(
        "IMP(\n  shape='neuron', low=0.4, high=0.6, sigmoid=False, learnable=True\n  (base)"
    )
