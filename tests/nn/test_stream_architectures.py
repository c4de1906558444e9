"""Every architecture with every causal neuron: step by step it is the whole sequence, to the last bit.

In float64, with weights and inputs that are multiples of 2^-8: sums of products are exact then, in whatever
order a library takes them. What neurons and norms make of them goes through the same operations either way.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snnplug import Registry, Task
from snnplug.errors import ContractError
from snnplug.nn import convert, is_materialized, materialize, start_stream, step_stream

from .streaming import STEPS, TASK, ready, values

EVENTS = Task(input_shape=(2, 16, 16), classes=3, steps=STEPS, events=True, values="counts")
MODELS = "snnplug-models:"
ARCHITECTURES: list[tuple[str, dict[str, Any]]] = [
    (MODELS + "dense", {"hidden": [9], "dropout": 0.2}),
    (MODELS + "recurrent", {"hidden": [9, 7]}),
    (MODELS + "vgg", {"layers": [4, "M"], "batch_norm": "tebn"}),
    (MODELS + "vgg", {"layers": [4, "M", 4], "batch_norm": "per_step", "hidden": [5]}),
    (MODELS + "vgg", {"layers": [4, "M"], "pooling": "avg_neuron", "head": "average"}),
    (MODELS + "resnet", {"blocks": [1, 1], "widths": [3, 4], "shortcut": "sew"}),
    (MODELS + "resnet", {"blocks": [1, 1], "widths": [3, 4], "shortcut": "membrane"}),
    (MODELS + "resnet", {"blocks": [1, 1], "widths": [3, 4], "shortcut": "post_add"}),
    (MODELS + "sew_resnet", {"blocks": [1, 1], "width": 4}),
    (MODELS + "plif_net", {"channels": 4}),
    (MODELS + "mnist_cnn", {}),
    (MODELS + "mnist_ann", {}),
    ("snnplug-snasnet:snasnet_cell", {"channels": 4, "hidden": 8, "voting": 2}),  # with feedback
    ("snnplug-snasnet:snasnet_cell", {"channels": 4, "hidden": 8, "cell": "0303 0033 0003 0000"}),
    ("snnplug-autosnn:autosnn_network", {}),
]
CLOCKED = ("rate", "rmp", "snn_calibration", "burst", "phase", "relu")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.from_installed(quiet=True)


def causal(registry: Registry) -> dict[str, dict[str, Any]]:
    found = [one for one in registry if one.kind == "neuron" and not one.spec.windowed]
    more = {"snnplug-imp:imp": {"base": "lif"}, "snnplug-glif:glif": {"steps": STEPS}}
    return {one.qualified: more.get(one.qualified, {}) for one in found}


def both(network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    outputs, state = [], start_stream(network, x[0])
    with torch.no_grad():
        whole = network(x)
        for x_t in x:
            y, state = step_stream(network, x_t, state)
            outputs.append(y)
    return torch.stack(outputs), whole


def check(network: nn.Module, x: Tensor, who: str) -> None:
    stepped, whole = both(ready(network, x), x)
    analog = any(getattr(part, "analog", False) for part in network.modules())
    if analog:  # values of any kind go into the next layer, whose sums may be taken in another order
        torch.testing.assert_close(stepped, whole, rtol=1e-12, atol=1e-14, msg=lambda how: f"{who}: {how}")
    else:
        assert torch.equal(stepped, whole), who


@pytest.mark.parametrize(("name", "parameters"), ARCHITECTURES, ids=str)
def test_step_by_step_is_the_whole(registry: Registry, name: str, parameters: dict[str, Any]) -> None:
    for neuron, more in causal(registry).items():
        torch.manual_seed(0)
        network = registry.use("architecture", name, neuron={"use": neuron, **more}, **parameters).build(TASK)
        state = network.initial_state(values(2, 1, 16, 16))
        assert callable(network.step), neuron
        assert state.t == 0
        check(network, values(STEPS, 2, 1, 16, 16), neuron)


@pytest.mark.parametrize("neuron", ["lif", "plif"])
@pytest.mark.parametrize(
    ("name", "parameters"), [ARCHITECTURES[1], ARCHITECTURES[3], ARCHITECTURES[-3]], ids=str
)
def test_events_have_statistics_of_each_step(
    registry: Registry, name: str, parameters: dict[str, Any], neuron: str
) -> None:
    torch.manual_seed(0)
    network = registry.use("architecture", name, neuron=neuron, **parameters).build(EVENTS)
    check(network, values(STEPS, 2, 2, 16, 16).floor(), neuron)


@pytest.mark.parametrize("space", ["snnplug-snasnet:snasnet", "snnplug-autosnn:autosnn"])
def test_search_spaces_and_their_supernets(registry: Registry, space: str) -> None:
    more = {"backward": True} if "snasnet" in space else {}
    built = registry.use("search_space", space, neuron="lif", **more).build(TASK)
    rng, x = random.Random(0), values(STEPS, 2, 1, 16, 16)
    torch.manual_seed(0)
    supernet = built.supernet()
    for _ in range(3):
        genotype = built.sample(rng)
        check(built.build(genotype), x, str(genotype))
        supernet.select(genotype)
        assert supernet.initial_state(x[0]).t == 0
        check(supernet, x, f"supernet, {genotype}")


class Model(nn.Module):
    """A network of somebody's own with everything that is done in a way of its own step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(4, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        )
        self.out = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.features(x)
        return self.out(torch.relu(y - y.mean(1, keepdim=True)))


@pytest.mark.parametrize("neuron", CLOCKED)
def test_converted_networks_of_clocked_neurons(registry: Registry, neuron: str) -> None:
    torch.manual_seed(0)
    x = values(17, 2, 1, 16, 16)
    model = Model()
    model(x[0].float())
    network = convert(model.eval(), x[0].float(), registry.use("neuron", neuron)).network
    if not is_materialized(network):
        materialize(network, x.float())
    stepped, whole = both(network.double(), x)
    torch.testing.assert_close(stepped, whole, rtol=1e-12, atol=1e-12)
    assert whole[-1].any()


def test_a_windowed_neuron_says_why_not(registry: Registry) -> None:
    for one in registry:
        if one.kind == "neuron" and one.spec.windowed:
            dense = registry.use("architecture", MODELS + "dense", neuron=one.qualified, hidden=[4])
            network = dense.build(TASK)
            words = rf"^the network cannot run step by step: layers.2 \({type(network.layers[2]).__name__}\)"
            with pytest.raises(ContractError, match=words):
                network.initial_state(torch.zeros(2, 1, 16, 16))
