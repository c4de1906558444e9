"""A layer that is given a time axis which it cannot take: the message says what to use."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snnplug.errors import ContractError
from snnplug.nn import TimeSequential, as_neuron, explaining_time, materialize
from snnplug.testing import tiny_neuron

X = torch.rand(4, 2, 3, 8, 8)  # [T, B, C, H, W]


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 5, 3), nn.BatchNorm2d(3), nn.MaxPool2d(2), nn.AvgPool2d(2)])
def test_a_layer_in_a_sequential_is_named_with_what_to_use(layer: nn.Module) -> None:
    network = nn.Sequential(as_neuron(tiny_neuron()), layer)
    with pytest.raises(ContractError) as caught, explaining_time(network):
        network(X)
    assert str(caught.value).startswith(f"the layer '1' ({type(layer).__name__}) was given [4, 2, 3, 8, 8]")
    assert "snnplug.nn.TimeSequential" in str(caught.value)
    assert "snnplug.nn.fold(layer, x)" in str(caught.value)
    assert TimeSequential(*network)(X).shape[:2] == (4, 2)  # the advice is good


def test_samples_that_are_joined_by_flattening_are_told_too() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 7))
    words = r"layer '1' \(Linear\) was given \[4, 384\], since nn.Flatten has joined the values of 2 samples"
    with pytest.raises(ContractError, match=words), explaining_time(network):
        network(X)
    assert TimeSequential(*network)(X).shape == (4, 2, 7)
    with pytest.raises(RuntimeError, match="shapes"), explaining_time(network):
        network(torch.rand(2, 100))  # wrong by itself


def test_a_network_that_is_given_its_shapes_is_told_too() -> None:
    network = nn.Sequential(nn.Conv2d(3, 5, 3), as_neuron(tiny_neuron(learnable_start=True)))
    with pytest.raises(ContractError, match="TimeSequential"):
        materialize(network, X)


def test_other_errors_pass_as_they_are() -> None:
    wrong = TimeSequential(nn.Conv2d(7, 5, 3))
    with pytest.raises(RuntimeError, match="channels"), explaining_time(wrong):
        wrong(X)
    with pytest.raises(ValueError, match="mine"), explaining_time(wrong):
        raise ValueError("mine")
