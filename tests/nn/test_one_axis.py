"""A neuron that is called with one step of a loop over time, where its shape gives that away."""

from __future__ import annotations

import pytest
import torch

from snnplug.errors import ContractError
from snnplug.testing import tiny_neuron


def test_a_single_axis_is_no_sequence_of_batches() -> None:
    x = torch.rand(5, 3)
    neuron = tiny_neuron().build()
    with pytest.raises(ContractError, match=r"takes a whole sequence \[T, B, ...\] and got one axis \[3\]"):
        [neuron(step) for step in x]
    assert neuron(x).shape == (5, 3)
