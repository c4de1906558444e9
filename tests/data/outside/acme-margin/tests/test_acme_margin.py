"""The contract of losses, and numbers worked by hand."""

from __future__ import annotations

import pytest
import torch
from snnplug.testing import LossConformance, PluginConformance

from acme_margin.loss import Margin


class TestPlugin(PluginConformance):
    name = "acme-margin"


class TestLoss(LossConformance):
    name = "acme-margin:margin"
    params = ({}, {"margin": 3.0})


def test_worked_by_hand() -> None:
    outputs = torch.tensor([[[1.0, 0.0, 0.0]], [[3.0, 3.0, 0.0]]])  # mean over time: 2, 1.5, 0
    loss = Margin(margin=1.0)
    # behind class 0: 1 - 2 + 1.5 = 0.5 and 0; behind class 1: 1 - 1.5 + 2 = 1.5 and 0
    assert loss(outputs, torch.tensor([0])).item() == pytest.approx(0.25)
    assert loss(outputs, torch.tensor([1])).item() == pytest.approx(0.75)


def test_no_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="margin"):
        Margin(margin=0.0)
