"""Networks of other plugins against each chip: what is said equals what one works out from their modules.

The arithmetic here looks at modules and at what hooks see of them, not at the layers that chips are given,
and has the limits as their sheets have them.
"""

from __future__ import annotations

import math
import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("snnplug_chips")

import snnplug_chips
import torch
from torch import Tensor, nn

from snnplug import Fit, LayerGraph, Registry, Task
from snnplug.nn import layer_graph, materialize, watch_spikes

IMAGES = Task(input_shape=(3, 32, 32), classes=10, steps=2)
AUTOSNN = {
    "AutoSNN": "SRB_k5 SRB_k5 skip SRB_k3 SRB_k5",
    "lambda 0": "SRB_k5 SRB_k5 SRB_k5 SCB_k5 SRB_k5",
    "lambda -0.16": "SRB_k5 SRB_k5 skip SRB_k5 SRB_k5",
    "lambda -0.24": "skip SRB_k5 skip SCB_k5 SRB_k5",
}
NETWORKS: dict[str, dict[str, Any]] = {
    **{name: {"use": "autosnn_network", "blocks": blocks} for name, blocks in AUTOSNN.items()},
    "vgg": {"use": "vgg"},
    "resnet18": {"use": "resnet"},
    "snasnet": {"use": "snasnet_cell", "cell": "0303 0030 0002 0000"},
}
CORES = [
    *[(16 * 1024, 64 * 1024)] * 3,
    *[(32 * 1024, 32 * 1024)] * 2,
    *[(64 * 1024, 16 * 1024)] * 2,
    *[(16 * 1024, 16 * 1024)] * 2,
]
XYLO = {"audio2": (1000, 64, 8), "audio3": (992, 1024, 32), "imu": (496, 512, 16)}


class Seen:
    """What hooks see of a network in one pass.

    Attributes:
        weighted: modules with weights, shapes of their inputs, not flattened, and outputs, by name.
        neurons: how many neurons each layer of them has, by name.
    """

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        self.weighted: dict[str, tuple[nn.Module, tuple[int, ...], tuple[int, ...]]] = {}
        self.neurons: dict[str, int] = {}
        image: list[tuple[int, ...]] = [tuple(x.shape[2:])]

        def hook(name: str) -> Any:
            def seen(module: nn.Module, args: Any, output: Tensor) -> None:
                if isinstance(module, nn.Flatten):
                    image[0] = tuple(args[0].shape[1:])
                elif isinstance(module, nn.Conv2d):
                    self.weighted[name] = module, tuple(args[0].shape[1:]), tuple(output.shape[1:])
                else:
                    features = tuple(args[0].shape[-1:])
                    whole = image[0] if math.prod(image[0]) == features[0] else features
                    self.weighted[name] = module, whole, tuple(output.shape[-1:])
                    image[0] = ()

            return seen

        for name, module in model.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.Flatten):
                module.register_forward_hook(hook(name))
        watch_spikes(model, lambda name, spikes: self.neurons.__setitem__(name, spikes[0].numel()))
        with torch.no_grad():
            model.eval()(x)

    @property
    def weights(self) -> int:
        return sum(module.weight.numel() for module, _, _ in self.weighted.values())  # type: ignore[union-attr]


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest, installed_registry: Registry) -> tuple[str, LayerGraph, Seen]:
    settings = dict(NETWORKS[request.param])
    neuron = installed_registry.use("neuron", "if")
    model = installed_registry.use("architecture", settings.pop("use"), neuron=neuron, **settings).build(
        IMAGES
    )
    x = torch.rand(2, 1, *IMAGES.input_shape)
    materialize(model, x)
    return request.param, layer_graph(model, x), Seen(model, x)


def ask(registry: Registry, graph: LayerGraph, chip: str, **parameters: Any) -> Fit:
    fit: Fit = registry.create("chip", chip, **parameters)(graph)
    return fit


def needed(fit: Fit, limit: str) -> dict[str, float | str]:
    return {need.layer: need.has for need in fit.needs if need.limit == limit}


def up(n: int) -> int:
    """Return 2^ceil(log2 n)."""
    return int(2 ** math.ceil(math.log2(n)))


def words(seen: Seen) -> Iterator[tuple[str, int, int]]:
    """Yield kernel words and neuron words of each layer by the rule of its makers."""
    for name, (module, before, after) in seen.weighted.items():
        if isinstance(module, nn.Conv2d):
            kernel = module.in_channels * up(math.prod(module.kernel_size)) * up(module.out_channels)
            yield name, kernel, module.out_channels * up(after[1]) * up(after[2])
        else:
            channels, *places = before
            yield name, channels * up(math.prod(places)) * up(after[0]), after[0]


def test_every_layer_with_weights_and_every_neuron_is_found(network) -> None:
    _, graph, seen = network
    assert {layer.name for layer in graph.weighted} == set(seen.weighted)
    assert {layer.name: layer.outputs for layer in graph.neurons} == seen.neurons
    assert sum(layer.weights for layer in graph.weighted) == seen.weights


def test_speck(network, installed_registry: Registry) -> None:
    _, graph, seen = network
    fit = ask(installed_registry, graph, "speck")
    by_hand = {name: (kernel, neurons) for name, kernel, neurons in words(seen)}
    assert needed(fit, "kernel words") == {name: kernel for name, (kernel, _) in by_hand.items()}
    assert needed(fit, "neuron words") == {name: neurons for name, (_, neurons) in by_hand.items()}
    homeless = {
        name
        for name, (kernel, neurons) in by_hand.items()
        if not any(kernel <= words and neurons <= room for words, room in CORES)
    }
    memory = {need.layer for need in fit.misfits if need.limit in ("kernel words", "neuron words")}
    assert memory == homeless
    for name, place in fit.placement.items():
        kernel, room = CORES[int(place.removeprefix("core "))]
        assert by_hand[name][0] <= kernel and by_hand[name][1] <= room
    assert len(set(fit.placement.values())) == len(fit.placement)
    [cores] = [need for need in fit.needs if not need.layer and "a core each" in need.limit]
    assert (cores.has, cores.allowed) == (len(seen.weighted), 9)


@pytest.mark.parametrize("version", XYLO)
def test_xylo(network, installed_registry: Registry, version: str) -> None:
    _, graph, seen = network
    hidden, fan_out, outputs = XYLO[version]
    fit = ask(installed_registry, graph, "xylo", version=version)
    [need] = [need for need in fit.needs if need.limit == "hidden neurons"]
    ends = [seen.neurons[name] for name in graph.outputs if name in seen.neurons]
    assert need.has == sum(seen.neurons.values()) - sum(ends)
    assert (need.allowed, need.fits) == (hidden, need.has <= hidden)
    convolutions = {name for name, (module, _, _) in seen.weighted.items() if isinstance(module, nn.Conv2d)}
    assert convolutions <= {need.layer for need in fit.misfits if need.limit == "layer"}
    for need in fit.needs:
        if need.limit == "fan-out of a hidden neuron" and need.layer not in convolutions:
            assert need.has == seen.weighted[need.layer][2][0] and need.allowed == fan_out
        if need.limit == "output neurons":
            assert need.allowed == outputs
    assert needed(fit, "input channels") == dict.fromkeys(needed(fit, "input channels"), 3 * 32 * 32)


def test_loihi2(network, installed_registry: Registry) -> None:
    name, graph, seen = network
    fit = ask(installed_registry, graph, "loihi2")
    assert needed(fit, "neurons")[""] == sum(seen.neurons.values()) < 1_000_000
    assert needed(fit, "synapses")[""] == seen.weights < 120_000_000
    pools = {layer.name for layer in graph.layers if layer.kind == "pool"}
    assert pools and pools <= {need.layer for need in fit.misfits}
    assert any(need.limit == "inputs" for need in fit.misfits) == (name != "vgg")  # the others have branches


def test_spinnaker2(network, installed_registry: Registry) -> None:
    _, graph, seen = network
    fit = ask(installed_registry, graph, "spinnaker2")
    cores = sum(math.ceil(count / 1000) for count in seen.neurons.values())
    assert needed(fit, "cores")[""] == cores
    assert ("cores" in {need.limit for need in fit.misfits}) == (cores > 152)
    biases = sum(layer.biases for layer in graph.weighted)
    assert needed(fit, "bytes")[""] == seen.weights + biases + 4 * sum(seen.neurons.values())


def test_brainscales2(network, installed_registry: Registry) -> None:
    _, graph, seen = network
    fit = ask(installed_registry, graph, "brainscales2")
    fan_in = {
        name: module.weight[0].numel()  # type: ignore[union-attr]
        for name, (module, _, _) in seen.weighted.items()
    }
    assert needed(fit, "inputs of a neuron") == fan_in
    wide = {name for name, count in fan_in.items() if count > 128}
    assert {need.layer for need in fit.misfits if need.limit == "inputs of a neuron"} == wide


def test_fpga(network, installed_registry: Registry) -> None:
    _, graph, seen = network
    biases = sum(layer.biases for layer in graph.weighted)
    for bits in (4, 8):
        fit = ask(installed_registry, graph, "fpga", bits=bits)
        kib = (bits * (seen.weights + biases) + 16 * sum(seen.neurons.values())) / 8 / 1024
        assert needed(fit, "KiB of block RAM")[""] == pytest.approx(kib)
        assert ("KiB of block RAM" in {need.limit for need in fit.misfits}) == (kib > 225)


# what is known of them


def built(registry: Registry, name: str, task: Task = IMAGES, **settings: Any) -> LayerGraph:
    model = registry.use("architecture", name, neuron=registry.use("neuron", "if"), **settings).build(task)
    x = torch.rand(2, 1, *task.input_shape)
    materialize(model, x)
    return layer_graph(model, x)


def test_mnist_cnn_misses_speck_by_max_pooling_alone(installed_registry: Registry) -> None:
    graph = built(installed_registry, "mnist_cnn", Task(input_shape=(1, 28, 28), classes=10, steps=2))
    fit = ask(installed_registry, graph, "speck")
    assert [(need.layer, need.has) for need in fit.misfits] == [
        ("layers.1", "max pooling"),
        ("layers.4", "max pooling"),
    ]


def test_the_first_layer_of_vgg_that_speck_cannot_hold_has_128_channels(installed_registry: Registry) -> None:
    graph = built(installed_registry, "vgg")
    fit = ask(installed_registry, graph, "speck")
    too_much = [need for need in fit.misfits if need.limit == "kernel words"]
    assert graph.by_name[too_much[0].layer].out_shape[0] == 128
    assert too_much[0].has == 64 * 2 ** (4 + 7) == 131_072
    assert len(too_much) == 7  # of 8 convolutions; the first and the linear layer have a core


def test_resnet18_has_21_layers_for_9_cores(installed_registry: Registry) -> None:
    fit = ask(installed_registry, built(installed_registry, "resnet"), "speck")
    assert "21 layers with weights, a core each, at most 9, 2.33 times" in map(str, fit.misfits)


def test_no_forward_cell_of_snasnet_fits_speck(installed_registry: Registry) -> None:
    space = installed_registry.use(
        "search_space", "snasnet", neuron=installed_registry.use("neuron", "if"), channels=16, backward=False
    ).build(IMAGES)
    rng, x = random.Random(0), torch.rand(2, 1, *IMAGES.input_shape)
    for _ in range(5):
        model = space.build(space.sample(rng))
        materialize(model, x)
        fit = ask(installed_registry, layer_graph(model, x), "speck")
        [hidden] = [
            need for need in fit.misfits if need.layer == "classifier.hidden" and need.limit == "kernel words"
        ]
        assert (hidden.has, hidden.allowed) == (262_144, 65_536)


def test_feedback_is_seen(installed_registry: Registry) -> None:
    graph = built(installed_registry, "snasnet_cell", cell="0303 0030 2002 0200")
    assert ("cell1.edges.2-0.conv", "cell1.edges.0-1.neuron") in [(a.name, b.name) for a, b in graph.feedback]
    assert any("deadlock" in note for note in ask(installed_registry, graph, "speck").notes)


def test_the_page_has_every_limit_with_its_source() -> None:
    page = (Path(__file__).parents[1] / "docs" / "chips.md").read_text(encoding="utf-8")
    assert snnplug_chips.__file__ is not None
    for file in sorted((Path(snnplug_chips.__file__).parent / "profiles").glob("*.toml")):
        profile = tomllib.loads(file.read_text(encoding="utf-8"))
        for limit in profile["limits"].values():
            source = profile["sources"][limit["source"]]
            row = f"| {profile['title']} | {limit['unit']} | {_shown(limit['value'])} | {source} |"
            assert row in page.splitlines()


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return value if isinstance(value, str) else f"{value:,}"
