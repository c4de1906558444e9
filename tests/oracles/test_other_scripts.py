"""Scripts of other libraries with our neurons in place of theirs: equal losses."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug import Registry
from snnplug.nn import Stepwise, replace

REGISTRY = Registry.from_installed()
STEPS, ROUNDS = 8, 10


def samples(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(16, 1, 8, 8, generator=generator) * 2, torch.arange(16) % 10


def losses_of(net: nn.Module, loss_of: Any) -> list[float]:
    """Train for ten steps."""
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3, betas=(0.9, 0.999))
    found = []
    for number in range(ROUNDS):
        optimizer.zero_grad()
        loss = loss_of(net, *samples(number))
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def test_a_tutorial_of_snntorch() -> None:
    """Two linear layers and a loop over time; the loss is summed over the potentials of all steps."""
    snntorch = pytest.importorskip("snntorch")
    from snntorch import surrogate

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(64, 32)
            self.lif1 = snntorch.Leaky(beta=0.95, spike_grad=surrogate.atan())
            self.fc2 = nn.Linear(32, 10)
            self.lif2 = snntorch.Leaky(beta=0.95, spike_grad=surrogate.atan())

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
            spk2_rec, mem2_rec = [], []
            for _ in range(STEPS):
                spk1, mem1 = self.lif1(self.fc1(x), mem1)
                spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
                spk2_rec.append(spk2)
                mem2_rec.append(mem2)
            return torch.stack(spk2_rec), torch.stack(mem2_rec)

    def loss_of(net: nn.Module, data: Tensor, targets: Tensor) -> Any:
        spikes, potentials = net(data.view(16, -1))
        assert spikes.any()
        return sum(F.cross_entropy(potential, targets) for potential in potentials)

    from snnplug_snntorch.loop import SnnTorchLoop

    torch.manual_seed(0)
    theirs: Any = Net()
    weights = copy.deepcopy(theirs.state_dict())
    expected = losses_of(theirs, loss_of)
    torch.manual_seed(0)
    ours = Net()
    put_in = replace(ours, {snntorch.Leaky: REGISTRY.use("neuron", "leaky", beta=0.95)}, loop=SnnTorchLoop)
    assert sorted(put_in) == ["lif1", "lif2"]
    for name in ("fc1.weight", "fc2.bias"):
        assert torch.equal(ours.state_dict()[name], weights[name])
    assert losses_of(ours, loss_of) == pytest.approx(expected, rel=1e-5)
    assert expected[-1] < expected[0]


@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_tutorial_of_spikingjelly(mode: str) -> None:
    """A convolutional network, step by step or with all steps at once; the loss is of the firing rate."""
    pytest.importorskip("spikingjelly")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from spikingjelly.activation_based import functional, layer, neuron, surrogate

    class CSNN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            lif = {"tau": 2.0, "surrogate_function": surrogate.ATan(), "detach_reset": True}
            self.conv = nn.Sequential(
                layer.Conv2d(1, 8, 3, padding=1, bias=False),
                layer.BatchNorm2d(8),
                neuron.LIFNode(**lif),
                layer.MaxPool2d(2, 2),
                layer.Flatten(),
                layer.Linear(8 * 16, 10, bias=False),
                neuron.LIFNode(**lif),
            )
            functional.set_step_mode(self, mode)

        def forward(self, x: Tensor) -> Tensor:
            if mode == "m":
                rates: Tensor = self.conv(x.repeat(STEPS, 1, 1, 1, 1)).mean(0)
                return rates
            return torch.stack([self.conv(x) for _ in range(STEPS)]).mean(0)

    def loss_of(net: nn.Module, data: Tensor, targets: Tensor) -> Tensor:
        rates = net(data)
        functional.reset_net(net)
        return F.mse_loss(rates, F.one_hot(targets, 10).float())

    torch.manual_seed(0)
    expected = losses_of(CSNN(), loss_of)
    torch.manual_seed(0)
    ours = CSNN()
    lif = REGISTRY.use("neuron", "lif", tau=2.0, surrogate="atan", detach_reset=True)
    put_in = replace(ours, {neuron.LIFNode: lif}, loop=Stepwise if mode == "s" else None)
    assert sorted(put_in) == ["conv.2", "conv.6"]
    assert losses_of(ours, loss_of) == pytest.approx(expected, rel=1e-4)
    assert len(set(expected)) > ROUNDS // 2
