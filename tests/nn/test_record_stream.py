"""What is recorded of a stream, step by step, is what is recorded of the whole sequence."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn

from snnplug import Activity, Registry
from snnplug.nn import continue_stream, convert, record, start_stream

from .streaming import STEPS, TASK, ready, values

MODELS = "snnplug-models:"
NETWORKS: list[tuple[str, dict[str, Any], Any]] = [
    (MODELS + "dense", {"hidden": [9]}, "lif"),
    (MODELS + "recurrent", {"hidden": [9, 7]}, "lif"),
    (MODELS + "recurrent", {"hidden": [9]}, "burst"),
    (MODELS + "vgg", {"layers": [4, "M", 4], "batch_norm": "per_step"}, {"use": "imp", "base": "plif"}),
    (MODELS + "vgg", {"layers": [4, "M"], "batch_norm": "tebn", "pooling": "avg"}, "if"),
    (MODELS + "resnet", {"blocks": [1, 1], "widths": [3, 4]}, "klif"),
    (MODELS + "resnet", {"blocks": [1, 1], "widths": [3, 4], "shortcut": "membrane"}, "glif"),
    (MODELS + "mnist_cnn", {}, "sliding_psn"),
    (MODELS + "mnist_cnn", {}, "norse_lif"),
    (MODELS + "plif_net", {"channels": 4}, "leaky"),
    ("snnplug-snasnet:snasnet_cell", {"channels": 4, "hidden": 8}, "lif"),
    ("snnplug-autosnn:autosnn_network", {}, "lif"),
]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.from_installed(quiet=True)


def recorded(network: nn.Module, x: Tensor, lengths: tuple[int, ...], raster: int = 3) -> Activity:
    state = start_stream(network, x[0])
    with torch.no_grad(), record(network, raster=raster) as activity:
        for chunk in torch.split(x, lengths):
            _, state = continue_stream(network, chunk, state)
    return activity


def whole(network: nn.Module, x: Tensor, raster: int = 3) -> Activity:
    with torch.no_grad(), record(network, raster=raster) as activity:
        network(x)
    return activity


def build(registry: Registry, name: str, parameters: dict[str, Any], neuron: Any) -> nn.Module:
    torch.manual_seed(0)
    return registry.use("architecture", name, neuron=neuron, **parameters).build(TASK)


@pytest.mark.parametrize("lengths", [(1,) * STEPS, (2, 1, 3)], ids=str)
@pytest.mark.parametrize(("name", "parameters", "neuron"), NETWORKS, ids=str)
def test_all_counts_are_equal(
    registry: Registry, name: str, parameters: dict[str, Any], neuron: Any, lengths: tuple[int, ...]
) -> None:
    neuron = {"use": "glif", "steps": STEPS} if neuron == "glif" else neuron
    x = values(STEPS, 2, 1, 16, 16)
    network = ready(build(registry, name, parameters, neuron), x)
    expected, found = whole(network, x), recorded(network, x, lengths)
    assert attrs.asdict(found) == attrs.asdict(expected)
    assert (found.samples, found.steps) == (2, STEPS)
    assert found.spikes_per_sample > 0
    assert not found.uncounted


@pytest.mark.parametrize("neuron", ["rate", "burst", "phase", "relu"])
def test_converted_networks(registry: Registry, neuron: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 3, 3), nn.ReLU()),
        *(nn.AvgPool2d(5), nn.Flatten(), nn.Linear(3, 3)),
    ).eval()
    x = values(9, 2, 1, 16, 16)
    network = convert(model, x[0].float(), registry.use("neuron", neuron)).network.double()
    assert attrs.asdict(recorded(network, x, (1,) * 9)) == attrs.asdict(whole(network, x))


def test_two_batches_of_two_streams_are_two_batches(registry: Registry) -> None:
    x = values(STEPS, 2, 1, 16, 16)
    network = ready(build(registry, *NETWORKS[1]), x)
    with torch.no_grad(), record(network) as expected:
        network(x)
        network(x.flip(1)[:, :1])
    batches = x, x.flip(1)[:, :1]
    states = [start_stream(network, batch[0]) for batch in batches]
    with torch.no_grad(), record(network) as found:
        for t in range(STEPS):  # in turn
            for i, batch in enumerate(batches):
                _, states[i] = continue_stream(network, batch[t : t + 1], states[i])
    assert attrs.asdict(found) == attrs.asdict(expected)
    assert found.samples == 3


def test_a_static_input_is_computed_in_every_step_of_a_stream(registry: Registry) -> None:
    image = values(2, 1, 16, 16)
    x = image.expand(STEPS, *image.shape)
    network = ready(build(registry, *NETWORKS[3]), x)
    once, each = whole(network, x), recorded(network, x, (1,) * STEPS)
    first, *others = once.synapses
    assert each.synapses[first].macs == STEPS * once.synapses[first].macs
    for name in others:
        assert attrs.asdict(each.synapses[name]) == attrs.asdict(once.synapses[name])
    assert each.neurons == once.neurons


def test_a_stream_that_had_begun_before(registry: Registry) -> None:
    x = values(STEPS, 2, 1, 16, 16)
    network = ready(build(registry, *NETWORKS[0]), x)
    with torch.no_grad():
        _, state = continue_stream(network, x[:4], start_stream(network, x[0]))
        with record(network) as activity:
            continue_stream(network, x[4:], state)
    expected = whole(network, x)
    name = "layers.2"
    assert (activity.samples, activity.steps) == (2, STEPS)
    assert activity.neurons[name].spikes == [0, 0, 0, 0, *expected.neurons[name].spikes[4:]]
