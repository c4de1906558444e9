from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from snnplug import Component, Registry, Task
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import (
    Activity,
    MembraneState,
    SpikingNeuron,
    StepwiseBatchNorm2d,
    materialize,
    record,
    spike,
)

registry = Registry.from_installed()

DIGITS = Task(input_shape=(1, 8, 8), classes=10, steps=3)
MNIST = Task(input_shape=(1, 28, 28), classes=10, steps=3)
CIFAR = Task(input_shape=(3, 32, 32), classes=10, steps=3)
TINY = Task(input_shape=(3, 64, 64), classes=200, steps=3)


class Leaky(SpikingNeuron):
    """A leaky neuron with a threshold that is easily reached."""

    def __init__(self, *, threshold: float = 0.2) -> None:
        super().__init__()
        self.threshold = threshold

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        v = 0.5 * state.v + x
        spikes = spike(v - self.threshold)
        return spikes, MembraneState(v - self.threshold * spikes)


class Learnable(Leaky):
    """Its initial potential takes its shape from the input."""

    def __init__(self) -> None:
        super().__init__()
        self.initial = nn.parameter.UninitializedParameter()

    def initial_state(self, x: Tensor) -> MembraneState:
        if isinstance(self.initial, nn.parameter.UninitializedParameter):
            self.initial.materialize(x.shape[1:])
            nn.init.constant_(self.initial, 0.1)
        return MembraneState(self.initial.expand_as(x))


class Window(SpikingNeuron):
    """Compares with its own mean over time."""

    windowed = True

    def sequence(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return spike(x + 0.1 - x.mean(0)), state


def use(neuron: type[SpikingNeuron] = Leaky) -> Component:
    return Component(kind="neuron", plugin="local", version="", name="test", target=neuron)


def build(name: str, task: Task, neuron: type[SpikingNeuron] = Leaky, **parameters: object) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = registry.use("architecture", name, **parameters).build(task, neuron=use(neuron))
    return model


def image(task: Task, batch: int = 2) -> Tensor:
    return torch.rand(batch, *task.input_shape, generator=torch.Generator().manual_seed(0))


def static(task: Task, batch: int = 2) -> Tensor:
    x = image(task, batch)
    return x.expand(task.steps, *x.shape)


def measure(model: nn.Module, x: Tensor) -> Activity:
    with record(model.eval()) as activity, torch.no_grad():
        model(x)
    return activity


def weights(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("neuron", [Leaky, Learnable, Window])
@pytest.mark.parametrize(
    ("name", "task", "parameters"),
    [
        ("mnist_cnn", MNIST, {}),
        ("mnist_ann", MNIST, {}),
        ("vgg", DIGITS, {}),
        ("vgg", MNIST, {"hidden": (32,), "dropout": 0.2, "batch_norm": "per_step"}),
        ("vgg", CIFAR, {"layers": [8, "M", 16, "M"], "pooling": "avg", "spiking_output": True}),
        ("resnet", DIGITS, {}),
        ("resnet", DIGITS, {"shortcut": "membrane", "batch_norm": "per_step"}),
        ("resnet", CIFAR, {"blocks": (1, 1), "widths": (8, 8), "batch_norm": "none"}),
        ("resnet", TINY, {"blocks": (1, 1), "widths": (8, 16), "stem": "conv7_pool", "spiking_output": True}),
        ("vgg", CIFAR, {"layers": [8, "M", 16, "M"], "pooling": "avg_neuron"}),
        ("resnet", DIGITS, {"shortcut": "post_add", "stem": "three_conv3", "pooling": "avg_neuron"}),
    ],
)
def test_every_network_trains_with_every_neuron(
    name: str, task: Task, parameters: dict[str, object], neuron: type[SpikingNeuron]
) -> None:
    model, x = build(name, task, neuron, **parameters), static(task)
    materialize(model, x)
    y = model(x)
    assert y.shape == (3, 2, task.classes)
    y.mean(0).square().sum().backward()
    missing = [key for key, p in model.named_parameters() if p.grad is None]
    assert not missing
    if parameters.get("spiking_output", name == "mnist_cnn"):
        assert set(y.unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("name", ["mnist_cnn", "vgg", "resnet"])
def test_a_static_input_gives_the_same_outputs_as_a_repeated_one(name: str) -> None:
    model, x = build(name, MNIST).eval(), static(MNIST)
    torch.testing.assert_close(model(x), model(x.contiguous()))


def test_mnist_cnn_has_the_weights_and_operations_of_its_source() -> None:
    model = build("mnist_cnn", MNIST)
    layers = [part for part in model.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert [weights(layer) for layer in layers] == [312, 19_264, 10_250]
    assert weights(model) == 29_826
    dense = measure(model, image(MNIST, 1).unsqueeze(0))
    assert dense.dense_macs == 1_411_840
    assert dense.macs == 12 * 24 * 24 * 25  # the first layer alone has an analog input
    names = [part.__class__.__name__ for part in model.layers]
    assert names == [*["Conv2d", "MaxPool2d", "Leaky"] * 2, "Flatten", "Linear", "Leaky"]


def test_mnist_cnn_runs_its_stem_once_on_a_static_input() -> None:
    model = build("mnist_cnn", MNIST)
    once, every = measure(model, static(MNIST)), measure(model, static(MNIST).contiguous())
    assert once.macs == 172_800
    assert every.macs == 3 * 172_800
    assert once.synaptic_operations == every.synaptic_operations > 0


@pytest.mark.parametrize(("shape", "features"), [((1, 16, 16), 64), ((3, 32, 32), 1600), ((1, 28, 20), 512)])
def test_mnist_cnn_fits_other_images(shape: tuple[int, ...], features: int) -> None:
    task = Task(input_shape=shape, classes=4, steps=2)
    model = build("mnist_cnn", task, spiking_output=False)
    assert model.layers[-1].in_features == features
    assert model(static(task)).shape == (2, 2, 4)


@pytest.mark.parametrize("name", ["mnist_cnn", "mnist_ann"])
def test_too_small_images_are_refused(name: str) -> None:
    with pytest.raises(
        ContractError, match=f"{name} needs images of at least 16 x 16 pixels .* got 8 x 8; use vgg"
    ):
        build(name, DIGITS)


def test_mnist_ann_has_the_same_weights_and_no_time() -> None:
    model = build("mnist_ann", MNIST)
    assert weights(model) == 29_826
    activity = measure(model, static(MNIST))
    assert activity.macs == 1_411_840  # one pass, all of it analog
    y = model(static(MNIST))
    assert torch.equal(y[0], y[2])
    without = build("mnist_ann", MNIST, activation="none")
    assert not torch.equal(without(static(MNIST))[0], y[0])
    assert not any(isinstance(part, nn.ReLU) for part in without.modules())


@pytest.mark.parametrize(
    ("layers", "convolutions", "count"),
    [("vgg11", 8, 9_231_114), ("vgg13", 10, 9_416_010), ("vgg16", 13, 14_728_266), ("vgg19", 16, 20_040_522)],
)
def test_vgg_has_the_known_number_of_weights(layers: str, convolutions: int, count: int) -> None:
    with torch.device("meta"):
        model = build("vgg", CIFAR, layers=layers, batch_norm="none")
        normed = build("vgg", CIFAR, layers=layers)
    widths = [part.out_channels for part in model.modules() if isinstance(part, nn.Conv2d)]
    assert len(widths) == convolutions
    # published counts of VGG for 32 x 32 images and ten classes have both a bias and batch norm
    assert weights(model) + 2 * sum(widths) == count
    assert weights(normed) == weights(model) + sum(widths)


@pytest.mark.parametrize(("task", "convolutions"), [(DIGITS, 2), (MNIST, 4), (CIFAR, 8), (TINY, 8)])
def test_vgg_follows_the_size_of_the_images(task: Task, convolutions: int) -> None:
    with torch.device("meta"):
        model = build("vgg", task)
    assert sum(isinstance(part, nn.Conv2d) for part in model.modules()) == convolutions


def test_vgg_keeps_spikes_binary_with_max_pools_only() -> None:
    layers = [4, "M", 8, "M"]
    for pooling, analog in (("max", 1), ("avg", 3)):
        activity = measure(build("vgg", MNIST, layers=layers, pooling=pooling), static(MNIST))
        assert sum(layer.analog for layer in activity.synapses.values()) == analog


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"layers": "vgg12"}, ParameterError, r"layers 'vgg12' is unknown. Did you mean 'vgg1\d'\?"),
        (
            {"layers": [16, "P"]},
            ParameterError,
            "layers must hold widths of at least 1 and 'M' for a pool, got 'P'",
        ),
        ({"layers": [0]}, ParameterError, "layers must hold widths of at least 1"),
        ({"layers": [8, *["M"] * 4]}, ContractError, "leave nothing of images of 8 x 8 pixels"),
        ({"hidden": (0,)}, ParameterError, r"hidden must be at least 1 each, got \[0\]"),
        ({"dropout": 1.0}, ParameterError, "dropout must be at least 0 and below 1, got 1"),
    ],
)
def test_vgg_refuses_what_cannot_be(
    parameters: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        build("vgg", DIGITS, **parameters)


def test_resnet18_has_the_known_number_of_weights() -> None:
    with torch.device("meta"):
        model = build("resnet", CIFAR)
        tiny = build("resnet", TINY)
        large = build("resnet", Task(input_shape=(3, 224, 224), classes=1000))
    assert weights(model) == 11_173_962  # ResNet-18 for CIFAR-10
    assert weights(large) == 11_689_512  # ResNet-18 for ImageNet
    assert tiny.layers[0].stride == (2, 2)


@pytest.mark.parametrize("shortcut", ["sew", "membrane"])
def test_what_the_convolutions_of_a_resnet_see(shortcut: str) -> None:
    model = build("resnet", DIGITS, shortcut=shortcut)
    seen: dict[str, Tensor] = {}
    for name, part in model.named_modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_pre_hook(lambda _, args, name=name: seen.update({name: args[0].detach()}))
    activity = measure(model, static(DIGITS, 8))
    assert sum(layer.analog for name, layer in activity.synapses.items() if "branch" in name) == 0
    branches = torch.cat([x.flatten() for name, x in seen.items() if "branch" in name])
    # three blocks and the stem: sums of up to four spikes
    assert branches.max() == 1 if shortcut == "membrane" else 1 < branches.max() <= 4
    assert len(activity.neurons) == (9 if shortcut == "sew" else 7)


def test_a_sew_block_with_a_silent_branch_is_the_identity() -> None:
    model = build("resnet", MNIST, blocks=(1,), widths=(4,), batch_norm="none")
    block = model.layers[2]
    for part in block.branch.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)
    x = torch.rand(3, 2, 4, 5, 5).round()
    assert torch.equal(block(x), x)


def test_batch_norm_per_step() -> None:
    for name in ("vgg", "resnet"):
        model = build(name, DIGITS, batch_norm="per_step")
        assert any(isinstance(part, StepwiseBatchNorm2d) for part in model.modules())
        assert not any(isinstance(part, nn.BatchNorm2d) for part in model.modules())


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"blocks": (1, 1), "widths": (8,)}, ParameterError, "must be equally long, got 2 and 1 stages"),
        ({"blocks": ()}, ParameterError, "blocks must have at least 1 entry"),
        ({"blocks": (1, 0)}, ParameterError, "blocks must be at least 1 each"),
        ({"blocks": (1,) * 5}, ContractError, "divide the size by 16, but images are 8 x 8"),
    ],
)
def test_resnet_refuses_what_cannot_be(
    parameters: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        build("resnet", DIGITS, **parameters)


@pytest.mark.parametrize("name", ["mnist_cnn", "mnist_ann", "vgg", "resnet"])
def test_inputs_that_are_no_images_are_refused(name: str) -> None:
    with pytest.raises(ContractError, match=rf"{name} needs images \[C, H, W\], got inputs of shape \[5\]"):
        build(name, Task(input_shape=(5,), classes=2))


# the networks of the conversion papers, and what the tables of their spikes and operations imply

VGG16 = ("vgg", {"layers": "vgg16", "pooling": "avg_neuron"})
RESNET = {"shortcut": "post_add", "pooling": "avg_neuron"}
RESNET20 = (
    "resnet",
    {**RESNET, "stem": "three_conv3", "blocks": (2, 2, 2, 2), "widths": (64, 128, 256, 512)},
)
WIDE20 = ("resnet", {**RESNET, "blocks": (3, 3, 3), "widths": (64, 128, 256)})
HE20 = ("resnet", {**RESNET, "blocks": (3, 3, 3), "widths": (16, 32, 64)})


class Relu(SpikingNeuron):
    """What stands where a neuron does in the network before conversion."""

    analog = True

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return torch.relu(x), state


@pytest.mark.parametrize(
    ("network", "classes", "count", "stages", "sites", "macs"),
    [
        (VGG16, 10, 14_724_042, 18, 276_480 + 31_232, 313_196_544),
        (RESNET20, 100, 11_294_116, 20, 270_336 + 512, 187_367_424),  # 11.3 million
        (WIDE20, 10, 4_327_754, 20, 753_664 + 256, 647_692_288),
        (HE20, 10, 272_474, 20, 188_416 + 64, 40_812_544),  # 0.27 million
    ],
)
def test_networks_of_the_conversion_papers(
    network: tuple[str, dict[str, object]],
    classes: int,
    count: int,
    stages: int,
    sites: int,
    macs: int,
) -> None:
    name, parameters = network
    model = build(name, Task(input_shape=(3, 32, 32), classes=classes), Leaky, **parameters)
    activity = measure(model, torch.rand(1, 1, 3, 32, 32))
    assert len(activity.neurons) == stages
    assert sum(layer.size for layer in activity.neurons.values()) == sites
    assert dense(model) == macs
    assert weights(model) == count


def dense(model: nn.Module) -> int:
    """Multiply-accumulates of the convolutions for one image, those of the padding among them."""
    total = 0

    def add(layer: nn.Conv2d, inputs: object, output: Tensor) -> None:
        nonlocal total
        total += output.numel() * layer.weight[0].numel()

    hooks = [part.register_forward_hook(add) for part in model.modules() if isinstance(part, nn.Conv2d)]
    model(torch.zeros(1, 1, 3, 32, 32))
    for hook in hooks:
        hook.remove()
    return total


def test_a_block_of_the_original_resnet_by_hand() -> None:
    model = build("resnet", DIGITS, Relu, blocks=(1, 1), widths=(4, 8), shortcut="post_add").eval().double()
    x = torch.rand(1, 2, 1, 8, 8, dtype=torch.float64)
    stem, first, second = model.layers[0], model.layers[3], model.layers[5]
    y = torch.relu(model.layers[1](stem(x[0])))
    conv1, norm1, _, conv2, norm2 = first.branch.layers
    y = torch.relu(norm2(conv2(torch.relu(norm1(conv1(y))))) + y)
    conv1, norm1, _, conv2, norm2 = second.branch.layers
    resize, norm = second.shortcut.layers
    y = torch.relu(norm2(conv2(torch.relu(norm1(conv1(y))))) + norm(resize(y)))
    torch.testing.assert_close(model(x)[0], model.layers[-1](y.mean((2, 3))))


@pytest.mark.parametrize(
    ("name", "task", "parameters"),
    [
        ("mnist_cnn", MNIST, {}),
        ("vgg", CIFAR, {"layers": [8, "M", 16, "M"], "pooling": "avg_neuron", "hidden": (8,)}),
        ("resnet", DIGITS, {"shortcut": "sew"}),
        ("resnet", DIGITS, {"shortcut": "membrane"}),
        ("resnet", DIGITS, {"shortcut": "post_add", "stem": "three_conv3", "pooling": "avg_neuron"}),
    ],
)
@pytest.mark.parametrize("neuron", [Leaky, Learnable, Window])
def test_weights_of_the_ann_fit_the_network_with_any_neuron(
    name: str, task: Task, parameters: dict[str, object], neuron: type[SpikingNeuron]
) -> None:
    ann, model = build(name, task, Relu, **parameters), build(name, task, neuron, **parameters)
    materialize(model, static(task))
    found = model.load_state_dict(ann.state_dict(), strict=False)
    assert not found.unexpected_keys
    own = {
        f"{n}.{p}" for n, m in model.named_modules() if isinstance(m, SpikingNeuron) for p in m.state_dict()
    }
    assert set(found.missing_keys) == own
    assert all(torch.equal(model.state_dict()[key], value) for key, value in ann.state_dict().items())
