"""Neurons and networks in the loops of others: equal to whole sequences, forgotten when told to."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import nn

from snnplug import Registry
from snnplug.errors import ContractError
from snnplug.nn import SpikingNeuron, Stepwise, TimeSequential, as_neuron, replace

REGISTRY = Registry.from_installed()
X = torch.randn(6, 3, 5, generator=torch.Generator().manual_seed(0)) * 2


def neuron(name: str = "lif", **parameters: Any) -> Any:
    return REGISTRY.use("neuron", name, **parameters)


@pytest.mark.parametrize("name", ["lif", "plif", "glif", "klif", "leaky"])
def test_in_a_loop_it_sends_what_it_sends_as_a_whole(name: str) -> None:
    whole = as_neuron(neuron(name))
    looped = Stepwise(whole)
    expected = whole(X)
    for _ in range(2):
        assert torch.equal(torch.stack([looped(x) for x in X]), expected)
        looped.reset()


def test_a_network_runs_in_a_loop_too() -> None:
    network = TimeSequential(nn.Linear(5, 4), as_neuron(neuron()), nn.Linear(4, 2)).double()
    looped, x = Stepwise(network), X.double()
    torch.testing.assert_close(torch.stack([looped(step) for step in x]), network(x), rtol=0, atol=1e-14)
    assert "state" not in looped.state_dict()
    with pytest.raises(ContractError, match="potential=True is for neurons, and TimeSequential is a network"):
        Stepwise(network, potential=True)


def test_other_samples_without_a_reset_are_refused() -> None:
    looped = Stepwise(neuron())
    looped(X[0])
    with pytest.raises(ContractError, match=r"shape \[3, 5\], this one has \[2, 5\]; call reset\(\)"):
        looped(X[0, :2])
    looped.reset()
    assert looped(X[0, :2]).shape == (2, 5)


def test_gradients_go_through_time_until_it_is_detached() -> None:
    looped, x = Stepwise(neuron()), X.clone().requires_grad_()
    for step in x:
        y = looped(step)
    y.sum().backward()
    assert x.grad is not None and x.grad[0].any()
    looped.reset()
    x.grad = None
    for step in x:
        looped.detach()
        y = looped(step)
    y.sum().backward()
    assert x.grad is not None and not x.grad[:-1].any() and x.grad[-1].any()


def test_copies_begin_with_nothing() -> None:
    looped = Stepwise(neuron("plif"), potential=True)
    spikes, potential = looped(X[0])
    assert potential.requires_grad and spikes.shape == potential.shape
    for made in (copy.deepcopy(looped), pickle.loads(pickle.dumps(looped))):
        assert made.state is None
        assert torch.equal(made(X[0])[0], spikes)
    assert looped.state is not None


def test_windowed_neurons_are_refused() -> None:
    with pytest.raises(ContractError, match="choose a causal neuron"):
        Stepwise(neuron("psn"))


# replacing


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.act = nn.Linear(5, 4), nn.ReLU()
        self.rows = nn.Sequential(nn.Linear(4, 4), self.act, nn.Dropout(0.0), nn.ReLU6())


def test_modules_are_replaced_by_type_and_weights_stay() -> None:
    model = Shared()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = replace(model, {nn.ReLU6: neuron("plif"), nn.ReLU: neuron("lif", tau=3.0)})
    assert sorted(found) == ["act", "rows.1", "rows.3"]
    assert found["act"] is found["rows.1"] is model.act
    assert isinstance(model.act, SpikingNeuron)
    assert torch.equal(model.act(X), as_neuron(neuron("lif", tau=3.0))(X))
    for name, value in before.items():
        assert torch.equal(model.state_dict()[name], value)


def test_a_neuron_is_copied_and_a_function_sees_what_was_there() -> None:
    given = as_neuron(neuron("plif"))
    model = nn.Sequential(nn.ReLU(), nn.LeakyReLU(0.3), nn.ReLU())
    seen: list[Any] = []

    def made(module: Any) -> nn.Module:
        seen.append(module.negative_slope)
        return as_neuron(neuron())

    model.eval()
    found = replace(model, {nn.LeakyReLU: made, nn.ReLU: given}, loop=Stepwise)
    assert seen == [0.3]
    inside = [found[name].part for name in ("0", "2")]
    assert inside[0] is not inside[1] and given not in inside
    assert not any(part.training for part in model.modules())
    assert all(isinstance(part, Stepwise) for part in found.values())


def test_what_cannot_be_replaced_is_said() -> None:
    with pytest.raises(ContractError, match="the model has no Tanh; it has Linear, ReLU, Sequential"):
        replace(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), {nn.Tanh: neuron()})
    with pytest.raises(ContractError, match="is itself what would be replaced"):
        replace(nn.ReLU(), {nn.ReLU: neuron()})
    with pytest.raises(ContractError, match="expected a neuron in place of ReLU, got 5"):
        replace(nn.Sequential(nn.ReLU()), {nn.ReLU: lambda module: 5})  # type: ignore[dict-item, return-value]
    with pytest.raises(ContractError, match="choose a causal neuron"):
        replace(nn.Sequential(nn.ReLU()), {nn.ReLU: neuron("psn")}, loop=Stepwise)
