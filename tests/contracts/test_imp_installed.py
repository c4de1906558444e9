"""The installed learnable initial potential around every installed neuron, and through a whole run."""

from __future__ import annotations

import pytest
import torch

import snnplug
from snnplug import Registry
from snnplug.errors import ContractError
from snnplug.nn import as_neuron, materialize, seeded

REGISTRY = Registry.from_installed(quiet=True)
BASES = [
    r.qualified for r in REGISTRY.list("neuron") if r.name != "imp" and not (r.spec.windowed or r.spec.analog)
]
STARTLESS = {"snnplug-psn:sliding_psn"}  # its potential is a filter of the input

X = torch.randn(4, 3, 2, 5, 5, generator=torch.Generator().manual_seed(0)) + 0.8


def build(base, **parameters):
    with seeded(0):
        neuron = as_neuron(REGISTRY.use("neuron", "imp", base=base, **parameters))
        materialize(neuron, X)
    return neuron


@pytest.mark.parametrize("base", sorted(set(BASES) - STARTLESS))
class TestEveryBase:
    def test_potential_starts_at_theta(self, base):
        imp = build(base)
        assert imp.theta.shape == (2, 5, 5)
        state = imp.initial_state(X[0])
        assert torch.equal(state.v[2], imp.theta)
        assert type(state) is type(imp.base.initial_state(X[0]))

    def test_start_at_rest_is_the_base_to_the_bit(self, base):
        imp = build(base)
        with torch.no_grad():
            imp.theta.copy_(imp.base.initial_state(X[0]).v[0])
        x = 6 * X  # enough for the slow ones to spike
        spikes = imp(x)
        assert spikes.any()
        assert torch.equal(spikes, imp.base(x))

    def test_gradient_is_the_sum_over_the_batch(self, base):
        imp = build(base).double()
        x = X.double()
        weights = torch.rand(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
        (gradient,) = torch.autograd.grad((imp(x) * weights).sum(), imp.theta)
        state = imp.base.initial_state(x[0])
        v0 = imp.theta.detach().expand_as(x[0]).clone().requires_grad_()
        spikes, _ = imp.base(x, state._replace(v=v0))
        (by_sample,) = torch.autograd.grad((spikes * weights).sum(), v0)
        assert gradient.any()
        torch.testing.assert_close(gradient, by_sample.sum(0))

    def test_stream_equals_whole(self, base):
        imp = build(base)
        first, state = imp(X[:1], imp.initial_state(X[0]))
        second, _ = imp(X[1:], state)
        assert torch.equal(torch.cat([first, second]), imp(X))


@pytest.mark.parametrize("base", sorted(STARTLESS | {"psn", "masked_psn"}))
def test_neurons_without_a_potential_are_refused(base):
    if not any(base in (r.name, r.qualified) for r in REGISTRY.list("neuron")):
        pytest.skip(f"{base} is not installed")
    with pytest.raises(ContractError, match="needs a neuron with a membrane potential to start from"):
        build(base)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Train the same network with a learning rate, and without one: weights as they start."""
    folder = tmp_path_factory.mktemp("runs")

    def run(name, lr):
        recipe = {
            "dataset": {"use": "digits"},
            "encoder": {"use": "direct", "steps": 4},
            "neuron": {"use": "imp", "base": {"use": "lif", "tau": 2.0}},
            "architecture": {"use": "vgg", "layers": [4, "M", 8, "M"]},
            "loss": {"use": "lts"},
            "train": {
                "epochs": 1,
                "batch_size": 128,
                "optimizer": {"use": "adamw", "lr": lr, "weight_decay": 0.5},
            },
        }
        return snnplug.run(recipe, out=folder / name, device="cpu")

    return run("trained", 2e-3), run("start", 0.0)


def test_theta_is_in_the_optimizer_without_decay(runs):
    trained, _ = runs
    checkpoint = torch.load(trained.directory / "checkpoint.pt", weights_only=True)
    names = [n for n, _ in trained.model().named_parameters() if n.endswith("theta")]
    assert [checkpoint["model"][n].shape for n in names] == [(4, 8, 8), (8, 4, 4)]
    decaying, others = checkpoint["optimizer"]["param_groups"]
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.5, 0.0)
    averages = [checkpoint["optimizer"]["state"][i]["exp_avg"] for i in others["params"]]
    neurons = [a for a in averages if a.shape in ((4, 8, 8), (8, 4, 4))]  # beside norms and biases
    assert [a.shape for a in neurons] == [(4, 8, 8), (8, 4, 4)]
    assert all(a.any() for a in neurons)


def test_theta_moves_in_training(runs):
    trained, start = (dict(run.model().named_parameters()) for run in runs)
    for name in (n for n in trained if n.endswith("theta")):
        assert start[name].min() >= 0.4
        assert start[name].max() <= 0.6
        moved = (trained[name] - start[name]).abs().detach()
        assert (moved > 1e-3).float().mean() > 0.5


def test_network_of_another_input_size_is_not_continued(runs):
    trained, _ = runs
    task = snnplug.Task(input_shape=(1, 12, 12), classes=10, steps=4)
    neuron = REGISTRY.use("neuron", "imp", base="lif")
    larger = REGISTRY.use("architecture", "vgg", neuron=neuron, layers=[4, "M", 8, "M"]).build(task)
    materialize(larger, torch.zeros(4, 1, 1, 12, 12))
    with pytest.raises(RuntimeError) as caught:
        larger.load_state_dict(trained.model().state_dict())
    lines = [line.strip() for line in str(caught.value).splitlines() if "theta" in line]
    assert len(lines) == 2
    assert lines[0].startswith("size mismatch for layers.2.theta: the checkpoint has [4, 8, 8], this network")
    assert "[4, 12, 12]. The parameters of IMP follow its input: build the network for inputs" in lines[0]
