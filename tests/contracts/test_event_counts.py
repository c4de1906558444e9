"""Counts of events reach the first layer whole, and it is billed for each event and each synapse it meets."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from snnplug import Registry
from snnplug.nn import TimeSequential, record


def by_hand(frames: Tensor, outputs: int) -> list[int]:
    """Return the synaptic operations of each step of a 3x3 convolution with padding 1, event by event.

    Args:
        frames: `[T, B, P, H, W]`, counts.
        outputs: channels of the layer.
    """
    _, _, _, H, W = frames.shape
    total = []
    for step in frames:
        operations = 0
        for b, p, y, x in step.nonzero().tolist():
            for _event in range(int(step[b, p, y, x])):
                reached = sum(0 <= y + i < H and 0 <= x + j < W for i in (-1, 0, 1) for j in (-1, 0, 1))
                operations += reached * outputs
        total.append(operations)
    return total


@pytest.mark.parametrize("by", ["time", "count"])
def test_the_first_layer_is_billed_in_synaptic_operations(by: str) -> None:
    pytest.importorskip("snnplug_datasets")
    registry = Registry.from_installed(quiet=True)
    splits = registry.create("dataset", "snnplug-datasets:moving_digits", by=by, steps=5)
    values, _ = splits.test.batch(torch.arange(6))
    encoder = registry.create("encoder", "snnplug-encoders:direct", splits.task)
    neuron = registry.use("neuron", "snnplug-lif:lif", tau=2.0)
    network = registry.create(
        "architecture", "snnplug-models:vgg", splits.task, neuron=neuron, layers=[4, "M"]
    )
    assert isinstance(network, TimeSequential)
    x = encoder(values)
    assert x.max() > 1  # several events in one place and step
    with record(network.eval()) as activity, torch.no_grad():
        network(x)
    first = activity.synapses["layers.0"]
    assert first.operations == by_hand(x, 4)
    assert first.events == x.count_nonzero((1, 2, 3, 4)).tolist()  # messages, whatever number they carry
    assert not first.analog
    assert activity.macs == 0
