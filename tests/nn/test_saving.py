"""What a forward pass saves, in all modes: equal gradients to the last bit, and the bytes that are kept."""

from __future__ import annotations

import copy
import random
from itertools import chain
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug import Registry, Task
from snnplug.nn import (
    Dropout,
    MembraneState,
    SpikingNeuron,
    StepwiseBatchNorm2d,
    TimeSequential,
    spike,
    watch_spikes,
)
from snnplug.nn.memory.account import Account
from snnplug.nn.memory.saving import MODES, saving
from snnplug.testing.candidates import TinyNeuron

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

T, B, SHAPE = 3, 2, (2, 16, 16)
IMP = {"use": "imp", "base": {"use": "plif"}}
NETWORKS: list[tuple[str, dict[str, Any], Any]] = [
    ("vgg", {"layers": [8, 8, "M", 8, "M"], "hidden": (6,), "dropout": 0.3}, "lif"),
    ("vgg", {"layers": [8, 8, "M"], "batch_norm": "per_step"}, "plif"),
    *(("resnet", {"blocks": (2, 2), "widths": (8, 8), "shortcut": s}, "lif") for s in ("sew", "membrane")),
    ("resnet", {"blocks": (2, 2), "widths": (8, 8), "shortcut": "post_add", "batch_norm": "tdbn"}, "lif"),
    ("resnet", {"blocks": (2,), "widths": (8,), "batch_norm": "tebn"}, "plif"),
    ("sew_resnet", {"batch_norm": "per_step"}, "lif"),
    ("plif_net", {"channels": 8, "hidden": 16}, "plif"),
    ("recurrent", {"hidden": (400,), "dropout": 0.3}, "lif"),
    *(
        ("vgg", {"layers": [8, 8, "M"]}, n)
        for n in ("psn", "glif", "klif", "norse_lif", "leaky", "relu", IMP)
    ),
]
SPACES: list[tuple[str, dict[str, Any]]] = [("snasnet", {"channels": 8, "backward": True}), ("autosnn", {})]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.from_installed(quiet=True)


def inputs(static: bool) -> Tensor:
    torch.manual_seed(1)
    if static:
        return torch.rand(B, *SHAPE).expand(T, B, *SHAPE)
    return (torch.rand(T, B, *SHAPE) < 0.4).float()


def trained(
    model: nn.Module, mode: str | None, x: Tensor, *, steps: int = 2, dtype: torch.dtype | None = None
) -> tuple[dict[str, Tensor], Account]:
    """Return all that some steps of a training change, and what the last of them kept."""
    model, account = copy.deepcopy(model).train(), Account()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    torch.manual_seed(2)
    for _ in range(steps):
        optimizer.zero_grad()
        for part in (x, x.flip(1)):  # two batches whose gradients make a step
            with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
                if mode is None:
                    outputs = model(part)
                else:
                    with saving(model, mode) as account:
                        outputs = model(part)
            F.cross_entropy(outputs.float().mean(0), torch.arange(B)).backward()
        optimizer.step()
    gradients = {f"gradient of {name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {**model.state_dict(), **gradients, "draws": torch.get_rng_state()}, account


def assert_equal_in_all_modes(model: nn.Module, x: Tensor, **settings: Any) -> dict[str, Account]:
    with torch.no_grad():
        model.train()(x)  # gives parameters their shapes
    right, _ = trained(model, None, x, **settings)
    accounts = {}
    for mode in MODES:
        found, accounts[mode] = trained(model, mode, x, **settings)
        assert found.keys() == right.keys()
        unequal = [name for name in right if not torch.equal(found[name], right[name])]
        assert not unequal, f"{mode}: {unequal}"
    assert accounts["keep"].kept == accounts["keep"].whole
    return accounts


@pytest.mark.parametrize("static", [True, False], ids=["static", "changing"])
@pytest.mark.parametrize(("name", "parameters", "neuron"), NETWORKS, ids=str)
def test_networks(
    registry: Registry, name: str, parameters: dict[str, Any], neuron: Any, static: bool
) -> None:
    torch.manual_seed(0)
    task = Task(input_shape=SHAPE, classes=4, steps=T)
    model = registry.use("architecture", name, **parameters, neuron=neuron).build(task)
    accounts = assert_equal_in_all_modes(model, inputs(static))
    assert accounts["recompute"].kept <= accounts["compress"].kept < 0.75 * accounts["keep"].kept


@pytest.mark.parametrize(("name", "parameters"), SPACES, ids=str)
def test_candidates_of_a_search(registry: Registry, name: str, parameters: dict[str, Any]) -> None:
    torch.manual_seed(0)
    task = Task(input_shape=SHAPE, classes=4, steps=T)
    space = registry.use("search_space", name, **parameters, neuron="lif").build(task)
    model = space.build(space.sample(random.Random(0)))
    accounts = assert_equal_in_all_modes(model, inputs(static=True), steps=1)
    assert accounts["compress"].kept < accounts["keep"].kept


@pytest.mark.parametrize("name", ["vgg", "resnet"])
def test_half_precision(registry: Registry, name: str) -> None:
    torch.manual_seed(0)
    task = Task(input_shape=SHAPE, classes=4, steps=T)
    small = {"layers": [8, 8, "M"]} if name == "vgg" else {"blocks": (2,), "widths": (8,)}
    model = registry.use("architecture", name, **small, neuron="lif").build(task)
    accounts = assert_equal_in_all_modes(model, inputs(static=False), dtype=torch.bfloat16)
    assert accounts["compress"].kept < 0.5 * accounts["keep"].kept


class Steps(SpikingNeuron):
    """Potentials of every step are in the graph, and every step draws noise."""

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        h = state.v + (x - state.v) / 2 + 0.1 * torch.randn_like(x)
        s = spike(h - 1, "atan", 2.0)
        return s, MembraneState(h * (1 - s))


def blocks(*neurons: SpikingNeuron, norm: Any = nn.BatchNorm2d) -> TimeSequential:
    torch.manual_seed(0)
    rows = [[nn.Conv2d(8, 8, 3, padding=1), norm(8), neuron] for neuron in neurons]
    return TimeSequential(*chain(*rows), nn.Flatten(), nn.Linear(8 * 16 * 16, 4))


def spikes() -> Tensor:
    return (torch.rand(T, B, 8, 16, 16, generator=torch.Generator().manual_seed(3)) < 0.4).float()


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, StepwiseBatchNorm2d])
@pytest.mark.parametrize("neuron", [TinyNeuron, Steps])
def test_of_three_arrays_one_is_left_and_then_none(neuron: Any, norm: Any) -> None:
    model = blocks(*(neuron() for _ in range(4)), norm=norm)
    accounts = assert_equal_in_all_modes(model, spikes())
    array = spikes().nbytes
    assert accounts["keep"].kept >= 12 * array
    bits = 5 * array / 32  # the input's, and of four layers
    assert accounts["compress"].kept == pytest.approx(4 * array + bits, rel=0.05)
    assert accounts["recompute"].kept == pytest.approx(bits, rel=0.9)


def test_analog_networks_keep_every_other_product() -> None:
    torch.manual_seed(0)
    rows = [[nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()] for _ in range(4)]
    model = TimeSequential(*chain(*rows), nn.Flatten(), nn.Linear(2048, 4))
    accounts = assert_equal_in_all_modes(model, spikes() / 3 + 0.1)
    array = spikes().nbytes
    assert accounts["compress"].kept == pytest.approx(5 * array, rel=0.02)
    assert accounts["recompute"].kept == pytest.approx(3 * array, rel=0.02)


def test_small_products_are_kept_as_they_take_as_long() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), TinyNeuron(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), TinyNeuron()]
    model = TimeSequential(*layers, nn.Flatten(), nn.Linear(8 * 64, 4))
    accounts = assert_equal_in_all_modes(model, spikes())
    array = spikes().nbytes
    bits, indices = (2 + 2 / 4) * array / 32, array / 16
    assert accounts["recompute"].kept == array / 4 + bits + indices


class Awkward(nn.Module):
    """What could make a second computation differ from the first one."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.one, self.two = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8, momentum=None if kind == "mean" else 0.1)
        self.last = nn.Linear(2048, 4)

    def forward(self, x: Tensor) -> Tensor:
        steps = []
        if self.kind == "frozen":
            self.norm.eval()
        for x_t in x:
            y = self.one(x_t)
            if self.kind == "in place":
                y = F.relu(self.norm(y), inplace=True)
                y = y.mul(2)
                y += 1
            elif self.kind == "argument changed":
                z = torch.zeros_like(y)
                y = self.norm(y) + z
                z.add_(1)
            else:
                y = F.dropout(self.norm(y), 0.5, training=self.training)
            pooled = F.interpolate(F.max_pool2d(y.sigmoid(), 2), scale_factor=2)
            steps.append(self.last(F.hardtanh(self.two(pooled)).flatten(1)))
        return torch.stack(steps)


@pytest.mark.parametrize("kind", ["usual", "mean", "frozen", "in place", "argument changed"])
def test_awkward_networks(kind: str) -> None:
    torch.manual_seed(0)
    assert_equal_in_all_modes(Awkward(kind), spikes())


@pytest.mark.parametrize("mode", MODES)
def test_spikes_are_seen_once_and_take_part_in_a_loss(mode: Any) -> None:
    def gradients(mode: Any) -> tuple[list[str], list[Tensor]]:
        model, names, total = blocks(Steps(), TinyNeuron()), [], []

        def saw(name: str, seen: Tensor) -> None:
            names.append(name)
            total.append(seen.sum())

        watch = watch_spikes(model, saw)
        with saving(model, mode):
            outputs = model(spikes())
        (outputs.sum() + sum(total)).backward()
        watch.remove()
        return names, [p.grad for p in model.parameters()]

    torch.manual_seed(5)
    right = gradients("keep")
    torch.manual_seed(5)
    found = gradients(mode)
    assert found[0] == right[0] == ["layers.2", "layers.5"]
    assert all(torch.equal(a, b) for a, b in zip(found[1], right[1], strict=True))


@pytest.mark.parametrize("mode", MODES)
def test_a_graph_may_be_gone_through_twice(mode: Any) -> None:
    model = blocks(TinyNeuron(), Steps())
    with saving(model, mode):
        outputs = model(spikes())
    first = torch.autograd.grad(outputs.sum(), list(model.parameters()), retain_graph=True)
    second = torch.autograd.grad(outputs.sum(), list(model.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_model_is_as_it_was_after_an_exception() -> None:
    model = TimeSequential(TinyNeuron(), nn.Linear(3, 3))
    with pytest.raises(RuntimeError), saving(model, "compress"):
        model(torch.zeros(T, B, 4))
    assert "forward" not in model.layers[0].__dict__


def test_dropout_by_steps_keeps_bits() -> None:
    torch.manual_seed(0)
    model = TimeSequential(TinyNeuron(), Dropout(0.5), nn.Flatten(), nn.Linear(2048, 2048), TinyNeuron())
    accounts = assert_equal_in_all_modes(model, spikes() * 3)
    product, bits = spikes().nbytes, spikes().nbytes / 32
    assert accounts["keep"].kept == 2 * product
    assert accounts["compress"].kept == product + bits
