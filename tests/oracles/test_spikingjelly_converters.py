"""`rate` against SpikingJelly's RateCoding converter, live, on one ordinary network: equal spike counts.

    RateCoding, mode = "max"                 rate, norm = "max", initial = "zero"
    channel_wise                             per_channel
    channel_wise and half_threshold          per_channel, initial = "half"

Theirs divides a current by the scale, fires at 1 and multiplies the spike; ours fires at the scale. Not all
scales are alike: theirs is a moving mean over batches, so that here there is one batch; its percentiles count
the zeros of the ReLU, ours the positive potentials alone, so that here it is the maximum; and a channel that
is never positive gets 1e-6 there and 1 here, so that here there is none.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from snnplug.nn import calibrate, convert, watch_spikes

T = 24
PAIRS = [
    ({}, {"initial": "zero"}),
    ({"channel_wise": True}, {"initial": "zero", "per_channel": True}),
    ({"channel_wise": True, "half_threshold": True}, {"initial": "half", "per_channel": True}),
]


class Residual(nn.Module):
    """A block of He et al. between a stem and two linear layers, `[B, 1, 8, 8]` to `[B, 10]`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.branch = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.relu = nn.ReLU()
        self.head = nn.Sequential(
            nn.AvgPool2d(2), nn.Flatten(), nn.Linear(128, 16), nn.ReLU(), nn.Linear(16, 10)
        )

    def forward(self, x):
        x = self.stem(x)
        return self.head(self.relu(self.last(self.branch(x)) + x))


@pytest.fixture(scope="module")
def network():
    """A random network whose batch norms have seen data."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Residual().double()
        for _ in range(20):
            network(torch.rand(16, 1, 8, 8, dtype=torch.float64))
    network.head[2].bias.data += 0.3  # every channel is active
    return network.eval()


@pytest.fixture(scope="module")
def images():
    """Those to calibrate by, and others."""
    drawn = torch.rand(80, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return drawn[:64], drawn[64:]


@torch.no_grad()
def theirs(network, calibration, x, options):
    """Decoded outputs `[B, 10]` of SpikingJelly's network, and spikes of each neuron, layer by layer."""
    from spikingjelly.activation_based import ann2snn, functional
    from spikingjelly.activation_based.neuron import BaseNode

    recipe = ann2snn.RateCodingRecipe([calibration], mode="max", **options)
    snn = ann2snn.Converter(recipe).convert(copy.deepcopy(network)).eval()
    counts = {}

    def count(node, inputs, sent):
        counts[node] = counts.get(node, 0) + sent

    for node in snn.modules():
        if isinstance(node, BaseNode):
            node.register_forward_hook(count)
    functional.reset_net(snn)
    outputs = sum(snn(x) for _ in range(T)) / T
    return outputs, list(counts.values())


@torch.no_grad()
def ours(registry, network, calibration, x, parameters):
    """The same of ours."""
    rate = registry.use("neuron", "rate", norm="max", **parameters)
    ann = convert(network, x, registry.use("neuron", "relu")).network
    snn = convert(network, x, rate).network.double()
    calibrate(ann, snn, [calibration.unsqueeze(0)])
    counts = []
    watch = watch_spikes(snn, lambda name, sent: counts.append((sent != 0).double().sum(0)))
    outputs = snn(x.expand(T, *x.shape))
    watch.remove()
    return outputs.mean(0), counts


@pytest.mark.parametrize(("options", "parameters"), PAIRS, ids=["layer", "channel", "half_threshold"])
def test_equal_spike_counts(registry, network, images, options, parameters):
    expected, their_counts = theirs(network, *images, options)
    outputs, counts = ours(registry, network, *images, parameters)
    assert [tuple(layer.shape) for layer in counts] == [(16, 8, 8, 8)] * 3 + [(16, 16)]
    for layer, expected_layer in zip(counts, their_counts, strict=True):
        assert 0 < layer.mean() < T
        assert torch.equal(layer, expected_layer)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-6)


def test_every_channel_is_active(network, images):
    active = []
    for relu in (module for module in network.modules() if isinstance(module, nn.ReLU)):
        relu.register_forward_hook(
            lambda module, inputs, y: active.append(y.transpose(0, 1).flatten(1).any(1))
        )
    copy.deepcopy(network)(images[0])
    assert len(active) == 4 and torch.cat(active).all()


def test_other_starts_are_told_apart(registry, network, images):
    """The comparison sees what it is to see: half a threshold at the start is another network."""
    _, expected = theirs(network, *images, {})
    _, counts = ours(registry, network, *images, {"initial": "half"})
    assert not torch.equal(counts[0], expected[0])
