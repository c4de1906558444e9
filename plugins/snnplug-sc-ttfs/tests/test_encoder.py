"""Images that come as spikes: counted in the first layer, with a window of their own."""

from __future__ import annotations

import torch
from snnplug_sc_ttfs.encoder import SCTTFSEncoder
from snnplug_sc_ttfs.neuron import SCTTFS
from torch import nn

from snnplug import Task
from snnplug.nn import TimeSequential, record

TASK = Task(input_shape=(2, 6, 6), classes=3, mean=(0.4, 0.5), std=(0.2, 0.3))


def test_spikes_of_pixels_are_synaptic_operations_and_a_window_of_latency() -> None:
    encoder = SCTTFSEncoder(TASK, slots=5)
    model = TimeSequential(nn.Conv2d(2, 4, 3), SCTTFS(slots=3), nn.Flatten(), nn.Linear(64, 3)).eval()
    values = torch.rand(4, *TASK.input_shape, generator=torch.Generator().manual_seed(0))
    x = encoder(values)
    with torch.no_grad(), record(model, encoder=encoder) as activity:
        model(x)
    spikes = encoder.neuron.spike_counts(encoder.neuron(values.unsqueeze(0)))[0]
    taps = nn.functional.conv_transpose2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3))[0, 0]
    first = activity.synapses["layers.0"]
    assert not first.analog
    assert sum(first.operations) == float((spikes * taps * 4).sum())
    assert activity.latency_steps == 5 + 3
    assert activity.spikes_per_sample == sum(activity.neurons["layers.1"].spikes) / 4  # of neurons alone
    with torch.no_grad(), record(model) as unaware:
        model(x)
    assert unaware.synapses["layers.0"].analog
    assert unaware.latency_steps == 3


def test_decoded_pixels_are_near_to_the_pixels() -> None:
    values = torch.rand(8, *TASK.input_shape, generator=torch.Generator().manual_seed(1))
    errors = []
    for slots in (3, 5, 7):
        plain = SCTTFSEncoder(Task(input_shape=(2, 6, 6), classes=3), slots=slots)
        errors.append(float((plain(values)[0] - values).abs().mean()))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.02
