"""Latency of converted networks as the paper of SC-TTFS counts it: a window for each layer that spikes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from snnplug import Registry, Task
from snnplug.nn import materialize, record

TASK = Task(input_shape=(3, 32, 32), classes=10)
VGG16: list[Any] = [4, 4, "M", 4, 4, "M", *[4] * 3, "M", *[4] * 3, "M", *[4] * 3, "M"]
RESNET20 = {"blocks": [2, 2, 2, 2], "widths": [4, 4, 8, 8], "shortcut": "post_add", "stem": "three_conv3"}


@pytest.mark.parametrize(
    ("architecture", "parameters", "slots", "steps"),
    [
        ("vgg", {"layers": VGG16, "pooling": "avg_neuron"}, 6, 108),
        ("vgg", {"layers": VGG16, "pooling": "avg_neuron"}, 7, 126),
        ("vgg", {"layers": VGG16, "pooling": "avg"}, 6, 78),
        ("vgg", {"layers": VGG16, "pooling": "avg"}, 7, 91),
        ("resnet", {**RESNET20, "pooling": "avg_neuron"}, 5, 100),
    ],
)
def test_latency_in_time_steps(architecture: str, parameters: Any, slots: int, steps: int) -> None:
    registry = Registry.from_installed(quiet=True)
    neuron = registry.use("neuron", "snnplug-sc-ttfs:sc_ttfs", slots=slots)
    network = registry.use("architecture", architecture, **parameters).build(TASK, neuron=neuron).eval()
    x = torch.rand(1, 2, *TASK.input_shape)
    materialize(network, x)
    with torch.no_grad(), record(network) as activity:
        network(x)
    assert activity.latency_steps == steps
    assert activity.macs > 0  # of the first layer alone, whose input is analog
    assert sum(layer.analog for layer in activity.synapses.values()) == 1
