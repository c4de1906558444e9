"""Values that are repeated over an axis, and sums of values of different shapes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snnplug.errors import ConversionError
from snnplug.nn import Code, WindowNeuron, convert, midpoints, record

from .converting import Fire, Levels, Rectify, events, images, lively

EXACT = {"rtol": 1e-12, "atol": 1e-12}


class Net(nn.Module):
    """A pyramid's sums, written in every way."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.mix, self.out = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 1), nn.Linear(4, 5)

    def forward(self, x):
        y = self.conv(x).relu()
        mean = y.mean((2, 3), keepdim=True)
        z = self.mix(y + mean).relu()
        z = self.mix(mean - 2 * z).relu()
        z = self.mix(z.mean(1, keepdim=True) + mean).relu()  # both are spread
        z = self.mix(mean.expand(-1, -1, 4, 4) - z.expand_as(y)).relu()
        z = self.mix(mean.repeat(1, 1, 4, 2).repeat(1, 1, 1, 2) + z).relu()
        z = self.mix(z + mean.broadcast_to(z.shape)).relu()
        return self.out(z.mean((2, 3)))


class Quarters(WindowNeuron):
    """Up to four spikes of 1/4."""

    def __init__(self) -> None:
        super().__init__(slots=4)

    def code(self) -> Code:
        values = torch.ones(5, 4, dtype=torch.float64).tril(-1) / 4
        return Code(midpoints(values.sum(-1)), values)


class Ranks(Net):
    def forward(self, x):
        y = self.conv(x).relu().mean((2, 3))
        return self.out((y + y.unsqueeze(1)).mean(1))  # every sample beside every other


class Batches(Net):
    def forward(self, x):
        y = self.conv(x).relu()
        return self.out(y.repeat(2, 1, 1, 1).mean((2, 3)))


class Greatest(Net):
    def forward(self, x):
        return self.out(self.conv(x).relu().amax((2, 3)))


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return lively(Net())


X = images(3, 2, 6, 6)


def test_the_same_is_computed_in_values_and_spike_by_spike(net: nn.Module) -> None:
    with torch.no_grad():
        exact = convert(net, X[:2], Rectify).network
        torch.testing.assert_close(exact(X[None])[0], net(X), **EXACT)
        torch.testing.assert_close(exact(X[None, :1])[0], net(X[:1]), **EXACT)
        coded = convert(net, X, Levels).network
        value = coded(X[None])[0]
        assert value.std() > 1e-3
        torch.testing.assert_close(events(coded, X[None]).sum(0), value, **EXACT)


def test_clocked_neurons_take_a_sum_step_by_step(net: nn.Module) -> None:
    network = convert(net, X, Fire).network
    x = images(5, *X.shape)
    with torch.no_grad():
        steps = network(x)
        assert steps.shape == (5, 3, 5)
        torch.testing.assert_close(network(x[:3]), steps[:3], **EXACT)


def test_spikes_and_operations_of_repeated_values_are_counted(net: nn.Module) -> None:
    counts = []
    for domain in ("value", "event"):
        network = convert(net, X, Quarters).network
        for neuron in network.neurons().values():
            neuron.domain = domain
        with record(network) as activity, torch.no_grad():
            network(X[None])
        counts.append((activity.spikes_per_sample, activity.synaptic_operations, activity.uncounted))
    assert counts[0] == counts[1]
    assert counts[0][0] > 0
    assert not counts[0][2]


@pytest.mark.parametrize(
    ("cls", "operation", "why"),
    [
        (Ranks, "add", "other numbers of axes"),
        (Batches, "repeat", "repeats the batch"),
        (Greatest, "amax", "use a max pool"),
    ],
)
def test_refused(cls: type[nn.Module], operation: str, why: str) -> None:
    with pytest.raises(ConversionError) as raised:
        convert(cls(), X.float(), Rectify)
    assert raised.value.refused[0].startswith(operation)
    assert why in raised.value.refused[0]
