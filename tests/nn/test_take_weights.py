"""Checkpoints of other libraries' networks in ours: equal outputs on a batch, and what is left is named."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snnplug import Registry
from snnplug.errors import ContractError
from snnplug.nn import Stepwise, replace, take_weights

REGISTRY = Registry.from_installed()
STEPS = 6


def trained(net: nn.Module) -> nn.Module:
    """Move every parameter off where it begins, as a training does."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.rand(parameter.shape, generator=generator))
    return net


@pytest.fixture
def spikingjelly() -> Any:
    pytest.importorskip("spikingjelly")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from spikingjelly import activation_based
        from spikingjelly.activation_based import functional, layer, neuron  # noqa: F401
    return activation_based


def their_net(sj: Any, mode: str, *neurons: nn.Module) -> nn.Module:
    torch.manual_seed(3)
    net = nn.Sequential(
        sj.layer.Conv2d(1, 4, 3, padding=1, bias=False),
        sj.layer.BatchNorm2d(4),
        neurons[0],
        sj.layer.Flatten(),
        sj.layer.Linear(64, 10),
        neurons[1],
    )
    with torch.no_grad():
        net[0].weight.mul_(4)
        net[4].weight.mul_(8)
    sj.functional.set_step_mode(net, mode)
    return net


def run(net: nn.Module, x: Tensor, mode: str) -> Tensor:
    with torch.no_grad():
        found: Tensor = net(x) if mode == "m" else torch.stack([net(x_t) for x_t in x])
    assert 0 < found.mean() < 1
    return found


@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize(
    ("theirs", "ours"), [("ParametricLIFNode", "plif"), ("LIFNode", "lif"), ("KLIFNode", "klif")]
)
def test_a_checkpoint_of_spikingjelly(spikingjelly: Any, theirs: str, ours: str, mode: str) -> None:
    kind = getattr(spikingjelly.neuron, theirs)
    net = trained(their_net(spikingjelly, mode, kind(), kind())).eval()
    x = 3 * torch.rand(STEPS, 5, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    expected = run(net, x, mode)
    here = their_net(spikingjelly, mode, kind(), kind())
    replace(here, {kind: REGISTRY.use("neuron", ours)}, loop=Stepwise if mode == "s" else None)
    taken = take_weights(here, net.state_dict())
    assert torch.equal(run(here.eval(), x, mode), expected)
    learned = {
        name: name.replace(".", ".part.") for name in net.state_dict() if name.startswith(("2.", "5."))
    }
    assert dict(taken.renamed) == (
        {name: name.replace(".", ".part.") for name in learned} if mode == "s" else {}
    )
    assert taken.left == taken.new == ()


@pytest.mark.parametrize("ours", ["psn", "masked_psn"])
def test_windows_take_their_shape_from_the_checkpoint(spikingjelly: Any, ours: str) -> None:
    kinds = {"psn": "PSN", "masked_psn": "MaskedPSN"}
    kind: Any = getattr(spikingjelly.neuron, kinds[ours])

    def neuron() -> nn.Module:
        settings = {"step_mode": "m"} if ours == "masked_psn" else {}
        made: nn.Module = kind(2, STEPS, lambda_init=0.3, **settings) if settings else kind(STEPS)
        return made

    net = trained(their_net(spikingjelly, "m", neuron(), neuron())).eval()
    x = 3 * torch.rand(STEPS, 5, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    expected = run(net, x, "m")
    here = their_net(spikingjelly, "m", neuron(), neuron())
    settings = {"k": 2} if ours == "masked_psn" else {}
    replace(here, {kind: REGISTRY.use("neuron", ours, **settings)})
    taken = take_weights(here, net.state_dict())
    assert torch.equal(run(here.eval(), x, "m"), expected)
    if ours == "masked_psn":
        assert dict(taken.renamed) == {"2._lambda_": "2.lambda_", "5._lambda_": "5.lambda_"}
        assert taken.left == ("2.mask0", "2.mask1", "5.mask0", "5.mask1")
    else:
        assert not taken.renamed and not taken.left


class Tutorial:
    """The network of a tutorial of snnTorch, with a beta and a threshold that are learned."""

    @staticmethod
    def net() -> nn.Module:
        import snntorch

        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.fc1, self.fc2 = nn.Linear(8, 16), nn.Linear(16, 3)
                self.lif1 = snntorch.Leaky(beta=0.9, learn_beta=True, learn_threshold=True)
                self.lif2 = snntorch.Leaky(beta=0.8)

            def forward(self, x: Tensor) -> Tensor:
                mem1, mem2, found = self.lif1.init_leaky(), self.lif2.init_leaky(), []
                for x_t in x:
                    spk1, mem1 = self.lif1(self.fc1(x_t), mem1)
                    spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
                    found.append(torch.cat([spk2, mem2]))
                return torch.stack(found)

        torch.manual_seed(0)
        return Net()


def test_a_checkpoint_of_snntorch() -> None:
    snntorch = pytest.importorskip("snntorch")
    pytest.importorskip("snnplug_snntorch")
    from snnplug_snntorch.loop import SnnTorchLoop

    net = trained(Tutorial.net()).eval()
    x = 4 * torch.rand(STEPS, 5, 8, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = net(x)
    here = Tutorial.net()
    leaky = REGISTRY.use("neuron", "leaky", learn_beta=True, learn_threshold=True)
    replace(here, {snntorch.Leaky: leaky}, loop=SnnTorchLoop)
    state = {f"module.{name}": value for name, value in net.state_dict().items()}  # of several GPUs
    taken = take_weights(here, state)
    with torch.no_grad():
        torch.testing.assert_close(here.eval()(x), expected, rtol=1e-6, atol=1e-6)
    assert taken.renamed["lif1.beta"] == "lif1.part.beta" and len(taken.renamed) == 4
    assert taken.left == tuple(
        f"{place}.{name}"
        for place in ("lif1", "lif2")
        for name in ("graded_spikes_factor", "reset_mechanism_val")
    )
    assert taken.new == ()


def test_what_has_no_counterpart_is_named() -> None:
    snntorch = pytest.importorskip("snntorch")
    here = Tutorial.net()
    replace(here, {snntorch.Leaky: REGISTRY.use("neuron", "plif")}, loop=Stepwise)
    taken = take_weights(here, Tutorial.net().state_dict())
    assert {"lif1.beta", "lif1.threshold", "lif2.beta", "lif2.threshold"} <= set(taken.left)
    assert taken.new == ("lif1.part.w", "lif2.part.w")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s.pop("fc1.weight"), r"fc1\.weight is not in the checkpoint"),
        (lambda s: s.update(head=torch.zeros(2)), "head of the checkpoint has no place here"),
        (lambda s: s.update({"fc2.bias": torch.zeros(7)}), r"size mismatch for fc2\.bias"),
    ],
)
def test_another_network_is_refused(change: Any, told: str) -> None:
    snntorch = pytest.importorskip("snntorch")
    here, state = Tutorial.net(), dict(trained(Tutorial.net()).state_dict())
    replace(here, {snntorch.Leaky: REGISTRY.use("neuron", "leaky")}, loop=Stepwise)
    change(state)
    with pytest.raises(ContractError, match=told) as caught:
        take_weights(here, state)
    assert "\n" not in str(caught.value)
