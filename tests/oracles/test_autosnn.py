"""AutoSNN's networks and supernet paths against the results of the original code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snnplug import Component, Registry, Task
from snnplug.nn import TimeSequential, record

pytestmark = pytest.mark.data

BLOCKS = ("skip", "SCB_k3", "SCB_k5", "SRB_k3", "SRB_k5")
CHILDREN = {
    "width4_lambda000": (4, "SRB_k5 SRB_k5 SRB_k5 SCB_k5 SRB_k5"),
    "width4_lambda008": (4, "SRB_k5 SRB_k5 skip SRB_k3 SRB_k5"),
    "width4_lambda016": (4, "SRB_k5 SRB_k5 skip SRB_k5 SRB_k5"),
    "width4_lambda024": (4, "skip SRB_k5 skip SCB_k5 SRB_k5"),
    "AutoSNN_16_lambda008": (16, "SRB_k5 SRB_k5 skip SRB_k3 SRB_k5"),
}
TASK = Task(input_shape=(3, 32, 32), classes=10, steps=8)
INNER = {  # of a block
    "conv1": "conv1.layers.0",
    "bn1": "conv1.layers.1",
    "spike_neuron_1": "neuron1",
    "conv2": "conv2.layers.0",
    "bn2": "conv2.layers.1",
    "spike_neuron_2": "neuron2",
    "downsample": "shortcut.layers",
    "conv": "layers.0.layers.0",
    "bn": "layers.0.layers.1",
    "spike_neuron": "layers.1",
}
OUTER = {
    "conv_stem.0": "stem.layers.0.conv",
    "conv_stem.1": "stem.layers.0.norm",
    "spike_neuron_stem": "stem.layers.1",
    "fc.1": "head.layers.layers.1",
    "fc.2": "head.layers.layers.2",
}


def our_name(name: str) -> str:
    """Translate a parameter or layer name of the original."""
    for old, new in OUTER.items():
        if name == old or name.startswith(old + "."):
            return new + name.removeprefix(old)
    name = re.sub(r"blocks\.(\d)", lambda m: f"blocks.{BLOCKS[int(m[1])]}", name)
    match = re.fullmatch(r"(layers\.\d+(?:\.blocks\.\w+)?)\.(\w+)(.*)", name)
    return f"{match[1]}.{INNER[match[2]]}{match[3]}" if match else name


class Case:
    """One set of results with the network, with the original's weights, that it is about."""

    def __init__(self, file: dict[str, np.ndarray[Any, Any]], prefix: str, network: nn.Module) -> None:
        self.file, self.prefix, self.network = file, prefix, network
        weights = {our_name(k[3:]): torch.from_numpy(v) for k, v in file.items() if k.startswith("sd/")}
        network.load_state_dict(weights)

    def __getitem__(self, key: str) -> Any:
        return self.file[self.prefix + key]

    def names(self, begin: str) -> list[str]:
        begin = self.prefix + begin
        return [key.removeprefix(begin) for key in self.file if key.startswith(begin)]

    def input(self, dtype: torch.dtype) -> Tensor:
        x = torch.from_numpy(self.file["x"]).to(dtype)
        return x.expand(8, *x.shape)


def read(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


CASES = [*CHILDREN, "path0", "path1"]


@pytest.fixture
def case(request: pytest.FixtureRequest, oracles: Path, registry: Registry) -> Case:
    name, neuron = request.param, registry.use("neuron", "plif")
    if name in CHILDREN:
        channels, blocks = CHILDREN[name]
        network = registry.create(
            "architecture", "autosnn_network", TASK, neuron=neuron, channels=channels, blocks=blocks
        )
        return Case(read(oracles / "autosnn" / f"child_{name}.npz"), "", network)
    file = read(oracles / "autosnn" / "supernet_width4.npz")
    space = registry.create("search_space", "autosnn", TASK, neuron=neuron, channels=4)
    supernet = space.supernet()
    supernet.select(file["paths"][int(name[-1])].tolist())
    return Case(file, f"{name}/", supernet)


def counts(case: Case, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the outputs, and the sums `[L, T, B]` of what every neuron and max pool sends."""
    seen: dict[str, Tensor] = {}

    def note(name: str, values: Tensor) -> None:
        seen[name] = values.flatten(2).sum(2)

    def pooled(name: str) -> Any:
        return lambda module, args, out: note(name, out)

    hooks = [
        module.register_forward_hook(pooled(name))
        for name, module in case.network.named_modules()
        if isinstance(module, TimeSequential) and module.layers and isinstance(module.layers[0], nn.MaxPool2d)
    ]
    with record(case.network, on_spikes=note):
        outputs = case.network(x)
    for hook in hooks:
        hook.remove()
    names = [our_name(name) for name in case["layer_names"].tolist()]
    assert set(names) == set(seen)
    return outputs, torch.stack([seen[name] for name in names])


@pytest.mark.parametrize("case", CASES, indirect=True)
@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("suffix", ["f32", "f64"])
def test_spikes_and_votes_are_equal(case: Case, mode: str, suffix: str) -> None:
    dtype = torch.float64 if suffix == "f64" else torch.float32
    case.network.to(dtype).train(mode == "train")
    with torch.no_grad():
        outputs, layers = counts(case, case.input(dtype))
    np.testing.assert_array_equal(layers.numpy(), case[f"{mode}/layer_spikes_{suffix}"])
    np.testing.assert_allclose(outputs.sum(0), case[f"{mode}/counter_{suffix}"], rtol=0, atol=1e-6)
    assert float(layers.sum()) / 4 == float(case[f"{mode}/spikes_per_image_{suffix}"])


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_running_statistics_after_a_training_pass(case: Case) -> None:
    with torch.no_grad():
        case.network.double()(case.input(torch.float64))
    ours, changed = case.network.state_dict(), case.names("train/after/")
    assert len(changed) > 15
    for name in changed:
        np.testing.assert_allclose(
            ours[our_name(name)], case[f"train/after/{name}"], rtol=1e-10, atol=1e-12, err_msg=name
        )


@pytest.mark.parametrize("case", [name for name in CASES if name != "path1"], indirect=True)
def test_gradients(case: Case) -> None:
    outputs = case.network.double()(case.input(torch.float64))
    target = nn.functional.one_hot(torch.from_numpy(case.file["labels"]), 10).double()
    loss = nn.functional.mse_loss(outputs.mean(0), target)
    loss.backward()
    assert loss.item() == pytest.approx(float(case["grad/loss_f64"]), rel=1e-10)
    ours = {name: p.grad for name, p in case.network.named_parameters() if p.grad is not None}
    names = [our_name(name) for name in case["grad/names"].tolist()]
    assert set(names) == set(ours)
    tolerance = 1e-9 * case["grad/l2norm_f64"].max()
    np.testing.assert_allclose(
        [ours[n].norm() for n in names], case["grad/l2norm_f64"], rtol=0, atol=tolerance
    )
    np.testing.assert_allclose([ours[n].sum() for n in names], case["grad/sum_f64"], rtol=0, atol=tolerance)
    stem = ours[our_name("conv_stem.0.weight")]
    np.testing.assert_allclose(stem, case["grad/conv_stem.0.weight_f64"], rtol=0, atol=tolerance)
    leaks = [ours[our_name(name)].item() for name in case["grad/plif_w_names"].tolist()]
    np.testing.assert_allclose(leaks, case["grad/plif_w_f64"], rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        ({}, 417_626),
        ({"channels": 32}, 1_462_954),
        ({"channels": 64}, 5_436_746),
        ({"channels": 128}, 20_916_874),
        ({"blocks": "SRB_k5 SRB_k5 SRB_k5 SCB_k5 SRB_k5"}, 565_084),
        ({"blocks": "SRB_k5 SRB_k5 skip SRB_k5 SRB_k5"}, 515_930),
        ({"blocks": "skip SRB_k5 skip SCB_k5 SRB_k5"}, 500_888),
        ({"blocks": "SRB_k3", "macro": "SNN_2"}, 176_349),
        ({"blocks": "SRB_k3", "macro": "SNN_3"}, 697_442),
        ({"blocks": "SRB_k3", "macro": "SNN_4"}, 272_351),
    ],
    ids=str,
)
def test_published_sizes(registry: Registry, settings: dict[str, Any], parameters: int) -> None:
    plif: Component = registry.use("neuron", "plif")
    network = registry.create("architecture", "autosnn_network", TASK, neuron=plif, **settings)
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_published_size_of_the_supernet(registry: Registry) -> None:
    space = registry.create("search_space", "autosnn", TASK, neuron=registry.use("neuron", "plif"))
    assert sum(p.numel() for p in space.supernet().parameters()) == 1_367_868
    assert space.size() == len(set(space.genotypes())) == 3125
