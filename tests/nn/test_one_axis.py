"""A neuron that is called with one step of a loop over time, where its shape gives that away."""

from __future__ import annotations

import pytest
import torch

from snnplug.errors import ContractError
from snnplug.nn import IntegrateAndFire, Leak


class Neuron(IntegrateAndFire):
    """Integrates and fires."""

    def __init__(self) -> None:
        super().__init__(
            threshold=1.0, reset="hard", reset_value=0.0, detach_reset=True, surrogate="atan", alpha=None
        )

    def leak(self) -> Leak:
        return Leak()


def test_a_single_axis_is_no_sequence_of_batches() -> None:
    x = torch.rand(5, 3)
    with pytest.raises(ContractError, match=r"takes a whole sequence \[T, B, ...\] and got one axis \[3\]"):
        [Neuron()(step) for step in x]
    assert Neuron()(x).shape == (5, 3)
