"""Channels-last convolutions: same values, another order in memory."""

from __future__ import annotations

import copy

import torch
from torch import nn

from snnplug.nn import Leak, TimeSequential, channels_last, flat_samples, fold, join_steps
from snnplug.testing.candidates import TinyNeuron


def test_values_stay_and_the_order_changes():
    torch.manual_seed(0)
    plain = TimeSequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), TinyNeuron(), nn.Flatten(), nn.Linear(72, 4))
    model = channels_last(copy.deepcopy(plain))
    x = torch.rand(4, 2, 3, 8, 8) * 3
    torch.testing.assert_close(model(x), plain(x))
    folded = fold(model.layers[0], x).flatten(0, 1)
    assert folded.is_contiguous(memory_format=torch.channels_last)
    assert not folded.is_contiguous()
    for name, saved in plain.state_dict().items():
        assert torch.equal(model.state_dict()[name], saved)


def test_what_has_no_shape_yet_and_other_layers_are_left_alone():
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Conv3d(2, 3, 3), nn.Linear(3, 2))
    assert channels_last(model) is model
    assert model[1].weight.is_contiguous()


def test_leak_is_public():
    assert Leak(tau=2.0).factors() == (0.5, 0.5)
    assert Leak(tau=2.0, decay_input=False).factors() == (1.0, 0.5)
    assert Leak().factors() == (1.0, 1.0)


def test_samples_are_flattened_without_a_copy_in_either_order():
    x = torch.rand(3, 2, 4, 5, 5)
    turned = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (3, 2))
    for values in (x, turned):
        flat = flat_samples(values)
        assert flat.shape == (3, 2, 100)
        assert flat.data_ptr() == values.data_ptr()
        assert torch.equal(flat.sort(2).values, x.flatten(2).sort(2).values)
    assert flat_samples(torch.rand(3, 2)).shape == (3, 2, 1)


def test_joined_steps_keep_the_order_in_memory():
    steps = [torch.rand(2, 4, 5, 5).contiguous(memory_format=torch.channels_last) for _ in range(3)]
    joined = join_steps(steps)
    assert torch.equal(joined, torch.stack(steps))
    assert joined[1].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(join_steps([torch.ones(2), torch.zeros(2)]), torch.tensor([[1.0, 1], [0, 0]]))
