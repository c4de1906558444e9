from __future__ import annotations

import copy
import gc
import pickle
import weakref

import pytest
import torch
import torch.nn.functional as F
from snnplug_tet.sparse import Sparse
from snnplug_tet.spike_count import SpikeCountMSE
from torch import nn

from snnplug import Registry
from snnplug.errors import ParameterError, UnknownName
from snnplug.nn import MembraneState, SpikingNeuron, TimeModule, TimeSequential, record, spike

REGISTRY = Registry.from_installed(quiet=True)


class Integrate(SpikingNeuron):
    """v += x; fires at 1; soft reset; the derivative of a spike is 1 - |v - 1| around 1."""

    def step(self, x, state):
        v = state.v + x
        s = spike(v - 1, "triangle")
        return s, MembraneState(v - s.detach())


class Ternary(SpikingNeuron):
    """Spikes 1, 0 and -1."""

    graded = True

    def step(self, x, state):
        return x.sign() + x - x.detach(), state


class ByStep(TimeModule):
    """Runs its neuron one step at a time."""

    def __init__(self):
        super().__init__()
        self.neuron = Integrate()

    def forward(self, x):
        state, spikes = self.neuron.initial_state(x[0]), []
        for current in x:
            s, state = self.neuron.step(current, state)
            spikes.append(s)
        return torch.stack(spikes)


def sparse(base="sdt", **parameters):
    return REGISTRY.create("loss", "snnplug-tet:sparse", base=base, **parameters)


# 2 samples, 2 steps. A layer of one neuron, then one of two
X = torch.tensor([[[0.75], [1.25]], [[0.5], [0.0]]])  # v 0.75, 1.25 | 1.25, 0.25; spikes 0, 1 | 1, 0
TARGET = torch.tensor([0, 1])


def two_layers():
    model = TimeSequential(Integrate(), nn.Linear(1, 2, bias=False), Integrate())
    with torch.no_grad():
        model.layers[1].weight.copy_(torch.tensor([[1.25], [0.25]]))
    return model  # the second layer fires with its first neuron only, whenever the first layer does


class TestPenaltyByHand:
    # rates: layer 1 has 2 spikes of 4, layer 2 has 2 of 8
    @pytest.mark.parametrize(
        ("parameters", "penalty"),
        [
            ({}, (1 * 0.5 + 2 * 0.25) / 3),
            ({"over": "layers"}, (0.5 + 0.25) / 2),
            ({"target": 0.375}, 1 * 0.125 / 3),
            ({"target": 0.6}, 0.0),
            ({"penalty": "squared"}, (1 * 0.25 + 2 * 0.0625) / 3),
            ({"penalty": "squared", "over": "layers", "target": 0.25}, 0.0625 / 2),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("base", ["sdt", "lts"])
    def test_value(self, parameters, penalty, base):
        loss, model = sparse(base, weight=0.5, **parameters), two_layers()
        loss.watch(model)
        outputs = model(X)
        expected = REGISTRY.create("loss", base)(outputs, TARGET) + 0.5 * penalty
        torch.testing.assert_close(loss(outputs, TARGET), expected)

    def test_the_mean_firing_rate_is_the_recorders(self):
        loss, model = sparse(weight=1.0), two_layers()
        with record(model) as activity:
            loss.watch(model)
            outputs = model(X)
        rate = activity.spikes_per_sample / activity.neuron_updates
        torch.testing.assert_close(loss(outputs, TARGET) - loss.base(outputs, TARGET), torch.tensor(rate))

    @pytest.mark.parametrize("build", [lambda: TimeSequential(Integrate()), ByStep], ids=["forward", "step"])
    def test_gradient(self, build):
        # derivatives of the spikes: 1 - |v - 1| = 0.75, 0.75 | 0.75, 0.25; the first input reaches both
        loss, model = sparse(weight=2.0, penalty="squared", target=0.25), build()
        x = X.clone().requires_grad_()
        loss.watch(model)
        model(x)
        penalty = loss(torch.zeros(2, 2, 2), TARGET) - loss.base(torch.zeros(2, 2, 2), TARGET)
        (gradient,) = torch.autograd.grad(penalty, x)
        # rate 1/2: d penalty / d spike = 2 * 2 (1/2 - 1/4) / 4 = 1/4
        expected = torch.tensor([[0.75 + 0.75, 0.75 + 0.25], [0.75, 0.25]]).reshape(2, 2, 1) / 4
        torch.testing.assert_close(gradient, expected)

    def test_negative_spikes_count_by_their_size(self):
        loss, model = sparse(weight=1.0), TimeSequential(Ternary())
        loss.watch(model)
        model(torch.tensor([1.0, -1.0, 0.0, -1.0]).reshape(4, 1, 1))
        zeros = torch.zeros(4, 1, 2)
        assert (loss(zeros, TARGET[:1]) - loss.base(zeros, TARGET[:1])).item() == pytest.approx(0.75)


class TestWhenItApplies:
    def test_not_unless_it_watches(self):
        loss, outputs = sparse(weight=9.0), torch.randn(4, 2, 2)
        assert torch.equal(loss(outputs, TARGET), loss.base(outputs, TARGET))

    def test_only_to_the_last_forward_pass_in_training(self):
        loss, model = sparse(weight=1.0), two_layers()
        loss.watch(model)
        model(X)
        outputs = model(2 * X)  # as if it were the only pass
        once, fresh, other = loss(outputs, TARGET), sparse(weight=1.0), two_layers()
        fresh.watch(other)
        assert torch.equal(once, fresh(other(2 * X), TARGET))
        assert torch.equal(once, loss(outputs, TARGET))

        outputs = model.eval()(X)
        assert torch.equal(loss(outputs, TARGET), loss.base(outputs, TARGET))
        assert loss.rates.spikes == {}
        outputs = model.train()(X)
        assert loss(outputs, TARGET) > loss.base(outputs, TARGET)

    def test_spikes_outside_the_networks_forward_do_not_count(self):
        loss, model = sparse(weight=1.0), two_layers()
        loss.watch(model)
        outputs = model(X)
        before = loss(outputs, TARGET)
        model.layers[0](X)
        assert torch.equal(loss(outputs, TARGET), before)

    def test_a_batch_that_failed_leaves_nothing(self):
        loss, model = sparse(weight=1.0), two_layers()
        loss.watch(model)
        with pytest.raises(RuntimeError):
            model(torch.ones(2, 2, 3))  # the wrong number of features for the linear layer
        assert not loss.rates.running

    def test_no_graph_outlives_the_next_evaluation(self):
        loss, model = sparse(weight=1.0), two_layers()
        loss.watch(model)
        outputs = model(X.clone().requires_grad_())
        loss(outputs, TARGET)
        sums = [weakref.ref(s) for s in loss.rates.spikes.values()]
        assert [ref().requires_grad for ref in sums] == [True, True]
        with torch.no_grad():
            model.eval()(X)
        gc.collect()
        assert [ref() for ref in sums] == [None, None]

    def test_bases_that_watch_do_so(self):
        loss, model = sparse({"use": "sparse", "base": "sdt", "weight": 1.0}, weight=2.0), two_layers()
        loss.watch(model)
        outputs = model(X)
        once = loss.base(outputs, TARGET) - loss.base.base(outputs, TARGET)
        torch.testing.assert_close(loss(outputs, TARGET), loss.base.base(outputs, TARGET) + 3 * once)
        loss.unwatch()
        assert "step" not in model.layers[0].__dict__
        assert not model._forward_hooks

    def test_watching_again_does_not_count_twice(self):
        loss, model = sparse(weight=1.0), two_layers()
        loss.watch(model)
        once = loss(model(X), TARGET)
        loss.watch(model)
        assert torch.equal(loss(model(X), TARGET), once)


@pytest.mark.parametrize(
    "way", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))], ids=["deepcopy", "pickle"]
)
@pytest.mark.parametrize("during", [True, False])
def test_network_and_loss_can_be_copied(way, during):
    loss, model = sparse(weight=1.0), two_layers()
    loss.watch(model)
    outputs = model(X)
    watched = loss(outputs, TARGET)
    if not during:
        loss.unwatch()
    twin, twin_loss = way(model), way(loss)
    assert torch.equal(twin(X), outputs)
    assert torch.equal(twin_loss(outputs, TARGET), loss.base(outputs, TARGET))
    twin_loss.watch(twin)
    torch.testing.assert_close(twin_loss(twin(X), TARGET), watched)
    assert (loss(outputs, TARGET) > loss.base(outputs, TARGET)) == during


def test_lowers_the_firing_rate_in_training_and_stops_at_the_target():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(64) % 2
    x = (torch.rand(64, 8, generator=generator) + y.unsqueeze(1)).expand(6, 64, 8)

    def train(**parameters):
        torch.manual_seed(0)
        model = TimeSequential(nn.Linear(8, 32), Integrate(), nn.Linear(32, 2))
        loss = sparse("sdt", **parameters)
        loss.watch(model)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
        for _ in range(60):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
        loss.unwatch()
        with record(model) as activity, torch.no_grad():
            outputs = model(x)
        accuracy = (loss.readout(outputs).argmax(1) == y).float().mean().item()
        return activity.spikes_per_sample / activity.neuron_updates, accuracy

    free, _ = train(weight=0.0)
    held, accuracy = train(weight=3.0, target=0.1, penalty="squared")
    low, _ = train(weight=1.0)
    assert free > 0.2
    assert held == pytest.approx(0.1, abs=0.05)
    assert accuracy > 0.9
    assert low < held


class TestSpikeCountMSE:
    def test_by_hand(self):
        # rates 1/2 and 1 against 1 and 0: (1/4 + 1) / 2
        spikes = torch.tensor([[[1.0, 1.0]], [[0.0, 1.0]]])
        assert SpikeCountMSE()(spikes, torch.tensor([0])).item() == 0.625
        assert SpikeCountMSE()(spikes, torch.tensor([[0.25, 0.75]])).item() == 0.0625
        assert SpikeCountMSE().readout(spikes).tolist() == [[0.5, 1.0]]

    def test_bounds_with_10_classes(self):
        y = torch.tensor([3])
        silent = torch.zeros(5, 1, 10)
        right = F.one_hot(y, 10).float().expand(5, 1, 10)
        assert SpikeCountMSE()(silent, y).item() == pytest.approx(0.1)
        assert SpikeCountMSE()(right, y).item() == 0
        assert SpikeCountMSE()(1 - right, y).item() == 1

    def test_gradient(self):
        spikes = torch.tensor([[[1.0, 1.0]], [[0.0, 1.0]]], requires_grad=True)
        (gradient,) = torch.autograd.grad(SpikeCountMSE()(spikes, torch.tensor([0])), spikes)
        # 2 (r - y) / K / T at every step
        assert gradient.tolist() == [[[-0.25, 0.5]]] * 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"weight": -1.0}, "weight must be at least 0, got -1.0"),
        ({"target": -0.5}, "target must be at least 0, got -0.5"),
        ({"penalty": "l2"}, "'l2' is not one of 'l1', 'squared'"),
        ({"over": "all"}, "'all' is not one of 'neurons', 'layers'"),
    ],
)
def test_parameter_errors(parameters, message):
    with pytest.raises(ParameterError, match=message):
        sparse(**parameters)


def test_base_is_required_and_a_loss():
    with pytest.raises(ParameterError, match=r"base: missing; it has no default"):
        REGISTRY.create("loss", "sparse")
    with pytest.raises(UnknownName, match="unknown loss 'lif'"):
        sparse("lif")


def test_registered():
    loss = sparse({"use": "tet", "label_smoothing": 0.01}, weight=0.01)
    assert isinstance(loss, Sparse)
    assert "weight=0.01, target=0.0, penalty='l1', over='neurons'" in repr(loss)
    assert isinstance(REGISTRY.create("loss", "spike_count_mse"), SpikeCountMSE)
