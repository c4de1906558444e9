"""Weights of few bits."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snnplug.nn import TimeSequential, layer_graph
from snnplug.nn.quantize import quantized


def network(*layers: nn.Module, x: torch.Tensor) -> tuple[nn.Module, torch.Tensor, nn.Module]:
    torch.manual_seed(0)
    model = TimeSequential(*layers).eval()
    return model, x, model.layers[0]


def test_rounded_by_hand() -> None:
    model, x, linear = network(nn.Linear(3, 2), x=torch.zeros(1, 1, 3))
    linear.weight.data = torch.tensor([[0.7, -0.26, 0.04], [0.1, 0.0, -0.06]])
    graph = layer_graph(model, x)
    rounded, left = quantized(model, graph, 4)  # 7 levels on each side: steps of 0.1
    assert left == ()
    torch.testing.assert_close(
        rounded.layers[0].weight, torch.tensor([[0.7, -0.3, 0.0], [0.1, 0.0, -0.1]]), msg=str
    )
    each, _ = quantized(model, graph, 4, per_channel=True)
    step = 0.1 / 7
    torch.testing.assert_close(each.layers[0].weight[1], torch.tensor([7.0, 0.0, -4.0]) * step, msg=str)
    assert linear.weight[0, 1] == torch.tensor(-0.26)  # the network itself is as it was


@pytest.mark.parametrize("per_channel", [False, True])
def test_weights_are_rounded_as_they_are_once_a_norm_is_folded(per_channel: bool) -> None:
    norm = nn.BatchNorm2d(4)
    model, x, conv = network(nn.Conv2d(2, 4, 3), norm, x=torch.zeros(2, 1, 2, 6, 6))
    norm.weight.data = torch.tensor([1.0, -2.0, 0.5, 0.0])
    norm.running_var = torch.tensor([1.0, 4.0, 0.25, 1.0])
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    rounded, _ = quantized(model, layer_graph(model, x), 3, per_channel=per_channel)
    folded = rounded.layers[0].weight * factor.view(-1, 1, 1, 1)
    whole = conv.weight * factor.view(-1, 1, 1, 1)
    largest = whole.abs().amax((1, 2, 3), keepdim=True) if per_channel else whole.abs().max()
    levels = (folded / (largest / 3))[:3]
    torch.testing.assert_close(levels, levels.round(), atol=1e-5, rtol=0, msg=str)
    assert bool(((folded - whole).abs() <= largest / 6 + 1e-6).all())
    assert torch.equal(rounded.layers[0].weight[3], conv.weight[3])  # its norm lets nothing through


def test_many_bits_change_next_to_nothing() -> None:
    model, x, _ = network(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), x=torch.rand(2, 1, 2, 6, 6))
    rounded, _ = quantized(model, layer_graph(model, x), 16)
    torch.testing.assert_close(rounded(x), model(x), atol=1e-3, rtol=0, msg=str)


def test_one_bit_is_refused() -> None:
    model, x, _ = network(nn.Linear(3, 2), x=torch.zeros(1, 1, 3))
    with pytest.raises(ValueError, match="bits must be at least 2"):
        quantized(model, layer_graph(model, x), 1)
