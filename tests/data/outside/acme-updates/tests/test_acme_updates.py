"""The contract of energy models, and an estimate worked by hand."""

from __future__ import annotations

import pytest
import torch
from snnplug.nn import TimeSequential, as_neuron, record
from snnplug.testing import EnergyModelConformance, PluginConformance, tiny_neuron
from torch import nn

from acme_updates.energy import PerUpdate


class TestPlugin(PluginConformance):
    name = "acme-updates"


class TestEnergyModel(EnergyModelConformance):
    name = "acme-updates:per_update"
    params = ({}, {"accumulate": 0.1})


def test_worked_by_hand() -> None:
    network = TimeSequential(as_neuron(tiny_neuron()), nn.Linear(3, 5))
    with record(network) as activity:
        network(torch.tensor([[[1.0, 0.0, 1.0]]]))  # [T, B, *]: three updates, two spikes to five each
    model = PerUpdate(accumulate=1.0, multiply=3.0)
    assert model(activity).value == pytest.approx((2 * 5 * 1.0 + 3 * 4.0) * 1e-12)


def test_prices_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="multiply"):
        PerUpdate(multiply=0.0)
