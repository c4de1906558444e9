"""The contract of neurons, and numbers worked by hand."""

from __future__ import annotations

import pytest
import torch
from snnplug.testing import NeuronConformance, PluginConformance

from acme_adaptive.neuron import AdaptiveLif


class TestPlugin(PluginConformance):
    name = "acme-adaptive"


class TestNeuron(NeuronConformance):
    name = "acme-adaptive:adaptive_lif"
    params = ({}, {"leak": 1.0, "memory": 0.5, "adaptation": 1.0})


def test_worked_by_hand() -> None:
    neuron = AdaptiveLif(leak=1.0, memory=1.0, adaptation=1.0)
    # thresholds 1, 2, 2, 3, 3, 3: v is 1 and a spike, 1, 2 and a spike, 1, 2, 3 and a spike
    assert neuron(torch.ones(6, 1)).flatten().tolist() == [1, 0, 1, 0, 0, 1]


@pytest.mark.parametrize("name", ["leak", "memory", "threshold", "adaptation"])
def test_values_out_of_range_are_refused(name: str) -> None:
    given: dict[str, float] = {name: -1.0}
    with pytest.raises(ValueError, match=name):
        AdaptiveLif(**given)  # type: ignore[arg-type]
