"""A weight-sharing supernet: all candidate blocks of each layer in one network, one path run at a time."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snnplug import Registry, SearchSpaceSpec, Supernet, Task
from snnplug.nn import record
from snnplug.testing import SearchSpaceConformance, TinySpace, tiny_neuron
from snnplug.testing.candidates import TinySupernet

TASK = Task(input_shape=(4, 8, 8), classes=3, steps=2)


@pytest.fixture(scope="module")
def installed_registry() -> Registry:
    registry = Registry()
    registry.register(SearchSpaceSpec(name="shared", target=TinySpace, summary="For tests."))
    return registry


class TestShared(SearchSpaceConformance):
    name = "shared"
    task = TASK


@pytest.fixture
def net() -> TinySupernet:
    torch.manual_seed(0)
    return TinySpace(TASK, neuron=tiny_neuron()).supernet()


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0))


def test_it_is_a_supernet_and_a_plain_network_is_not(net: TinySupernet) -> None:
    assert isinstance(net, Supernet)
    assert not isinstance(nn.Linear(1, 1), Supernet)


def test_paths_give_different_outputs_from_the_same_weights(net: TinySupernet, x: torch.Tensor) -> None:
    net.eval()
    outputs = []
    for path in (["conv1", "none"], ["conv3", "none"], ["none", "conv1"]):
        net.select({"layers": path})
        outputs.append(net(x))
    assert torch.equal(outputs[0], outputs[2])  # the same network
    assert not torch.equal(outputs[0], outputs[1])


def test_blocks_not_selected_get_no_gradient_and_do_not_move(net: TinySupernet, x: torch.Tensor) -> None:
    optimizer = torch.optim.Adam(net.parameters())
    net.select({"layers": ["conv1", "conv3"]})
    net(x).square().sum().backward()
    for i, chosen in enumerate(("conv1", "conv3")):
        for name, block in net.blocks[i].items():
            for parameter in block.parameters():
                assert (parameter.grad is not None) == (name == chosen)
    others = [p.detach().clone() for p in net.blocks[0]["conv3"].parameters()]
    optimizer.step()
    optimizer.zero_grad()  # to None, so that Adam's momentum does not move what is not selected next
    net.select({"layers": ["conv1", "none"]})
    moved = [p.detach().clone() for p in net.blocks[1]["conv3"].parameters()]
    net(x).square().sum().backward()
    optimizer.step()
    assert all(map(torch.equal, others, net.blocks[0]["conv3"].parameters()))
    assert all(map(torch.equal, moved, net.blocks[1]["conv3"].parameters()))


def test_recorder_sees_the_selected_path_only(net: TinySupernet, x: torch.Tensor) -> None:
    net.select({"layers": ["none", "conv3"]})
    with record(net) as activity:
        net(x)
    assert list(activity.neurons) == ["blocks.0.conv3.layers.2"]
