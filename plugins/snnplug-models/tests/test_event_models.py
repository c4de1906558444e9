"""The networks for events: sizes as published, blocks and steps by hand, what is refused."""

from __future__ import annotations

import pytest
import torch
from snnplug_models.sew import CONNECT
from torch import Tensor, nn

from snnplug import Component, Registry, Task
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import MembraneState, SpikingNeuron, is_static, materialize, record, spike

registry = Registry.from_installed()


def frames(size: int, classes: int = 10, steps: int = 2, channels: int = 2) -> Task:
    return Task(
        input_shape=(channels, size, size), classes=classes, steps=steps, events=True, values="counts"
    )


class Neuron(SpikingNeuron):
    """Leaky, with a threshold that is easily reached."""

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        v = 0.5 * state.v + x
        s = spike(v - 0.2)
        return s, MembraneState(v - 0.2 * s)


class Start(Neuron):
    """Its initial potential takes its shape from the input, as IMP's does."""

    def __init__(self) -> None:
        super().__init__()
        self.initial = nn.UninitializedParameter()

    def initial_state(self, x: Tensor) -> MembraneState:
        if isinstance(self.initial, nn.UninitializedParameter):
            self.initial.materialize(x.shape[1:])
            nn.init.constant_(self.initial, 0.1)
        return MembraneState(self.initial.expand_as(x))


class Window(SpikingNeuron):
    windowed = True

    def sequence(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return spike(x - x.mean(0)), state


class Graded(Neuron):
    graded = True


def build(name: str, task: Task, neuron: type[SpikingNeuron] = Neuron, **parameters: object) -> nn.Module:
    torch.manual_seed(0)
    component = Component(kind="neuron", plugin="local", version="", name="test", target=neuron)
    model: nn.Module = registry.use("architecture", name, **parameters).build(task, neuron=component)
    return model


def weights(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


VGGSNN = {"layers": "vggsnn", "pooling": "avg"}
VGG11 = {"layers": "vgg11_dvs", "pooling": "avg", "head": "average"}


@pytest.mark.parametrize(
    ("name", "parameters", "task", "count"),
    [
        # convolutions 9,217,152, batch norm 5,504, linear layer 4608 x 10 + 10; their biases are 2,752 more
        ("vgg", VGGSNN, frames(48), 9_268_746),
        ("vgg", {**VGGSNN, "batch_norm": "tebn"}, frames(48), 9_268_746 + 8 * 2),
        # the same convolutions and batch norm, linear layer 512 x 10 + 10
        ("vgg", VGG11, frames(128), 9_227_786),
        ("sew_resnet", {}, Task(input_shape=(3, 224, 224), classes=1000), 11_689_512),
        ("sew_resnet", {"depth": 34}, Task(input_shape=(3, 224, 224), classes=1000), 21_797_672),
        ("sew_resnet", {"depth": 50}, Task(input_shape=(3, 224, 224), classes=1000), 25_557_032),
        ("sew_resnet", {"depth": 101}, Task(input_shape=(3, 224, 224), classes=1000), 44_549_160),
        ("sew_resnet", {"depth": 152}, Task(input_shape=(3, 224, 224), classes=1000), 60_192_808),
        ("sew_resnet", {}, Task(input_shape=(3, 32, 32), classes=10), 11_173_962),
        ("plif_net", {}, Task(input_shape=(1, 28, 28), classes=10), 13_198_976),
        ("plif_net", {"variant": "cifar10"}, Task(input_shape=(3, 32, 32), classes=10), 36_718_336),
        ("plif_net", {"variant": "nmnist"}, frames(34), 17_132_288),
        ("plif_net", {"variant": "dvs128gesture"}, frames(128, 11), 1_698_304),
    ],
)
def test_networks_have_the_published_number_of_weights(
    name: str, parameters: dict[str, object], task: Task, count: int
) -> None:
    with torch.device("meta"):
        assert weights(build(name, task, **parameters)) == count


@pytest.mark.parametrize(("parameters", "size", "count"), [(VGGSNN, 48, 921_600), (VGG11, 128, 2_621_440)])
def test_initial_potentials_of_the_published_networks(
    parameters: dict[str, object], size: int, count: int
) -> None:
    model = build("vgg", frames(size, steps=1), Start, **parameters)
    materialize(model, torch.zeros(1, 1, 2, size, size))
    found = [p.numel() for part in model.modules() if isinstance(part, Start) for p in part.parameters()]
    assert (len(found), sum(found)) == (8, count)


def test_how_weights_of_a_vgg_start() -> None:
    model = build("vgg", frames(16), layers=[64, "M", 128], start="he", last_std=0.01)
    convs = [part for part in model.modules() if isinstance(part, nn.Conv2d)]
    for part in convs:
        assert part.weight.detach().std().item() == pytest.approx(
            (2 / (9 * part.out_channels)) ** 0.5, rel=0.05
        )
    linear = next(part for part in model.modules() if isinstance(part, nn.Linear))
    assert linear.weight.detach().std().item() == pytest.approx(0.01, rel=0.05)
    with pytest.raises(ParameterError, match="last_std must be above 0, got 0"):
        build("vgg", frames(16), last_std=0.0)


@pytest.mark.parametrize("values", ["spikes", "fractions"])
def test_how_blocks_are_connected(values: str) -> None:
    a = torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=torch.float64, requires_grad=True)
    s = torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.float64)
    s = (s if values == "spikes" else 0.25 + s / 2).requires_grad_()
    up = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    for name, formula in (
        ("ADD", lambda a, s: a + s),
        ("AND", lambda a, s: a * s),
        ("IAND", lambda a, s: (1 - a) * s),
    ):
        found, expected = CONNECT[name](a, s), formula(a, s)  # type: ignore[index]
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(
            torch.autograd.grad(found, (a, s), up), torch.autograd.grad(expected, (a, s), up)
        )


@pytest.mark.parametrize(
    ("connect", "depth"), [("ADD", 18), ("AND", 18), ("IAND", 18), ("ADD", 50), ("IAND", 50)]
)
def test_blocks_that_start_as_the_identity(connect: str, depth: int) -> None:
    model = build(
        "sew_resnet", frames(16), connect=connect, depth=depth, width=4, blocks=(2,), start_as_identity=True
    )
    blocks = [part for part in model.modules() if type(part).__name__ == "Residual"]
    x = torch.rand(3, 2, 4 if depth == 18 else 16, 5, 5).round()
    assert torch.equal(blocks[1](x), x)


def test_a_bottleneck_by_hand() -> None:
    model = build("sew_resnet", frames(16), depth=50, width=4, blocks=(1, 1)).eval()
    block: nn.Module = model.get_submodule("layers.4")
    x = torch.rand(2, 3, 16, 8, 8).round()
    conv1, norm1, n1, conv2, norm2, n2, conv3, norm3, n3 = block.get_submodule("branch.layers").children()
    conv, norm, n = block.get_submodule("shortcut.layers").children()
    assert [c.stride for c in (conv1, conv2, conv3, conv)] == [(1, 1), (2, 2), (1, 1), (2, 2)]

    def steps(one: nn.Module, two: nn.Module, values: Tensor) -> Tensor:
        return torch.stack([two(one(v)) for v in values])

    y = n3(steps(conv3, norm3, n2(steps(conv2, norm2, n1(steps(conv1, norm1, x))))))
    torch.testing.assert_close(block(x), y + n(steps(conv, norm, x)))


@pytest.mark.parametrize("connect", ["ADD", "AND", "IAND"])
@pytest.mark.parametrize("pool", ["avg", "max"])
def test_what_a_recorder_sees_of_a_sew_resnet(connect: str, pool: str) -> None:
    task = frames(32)
    model = build("sew_resnet", task, connect=connect, width=4, blocks=(1, 1), stem="conv7_pool", pool=pool)
    with record(model.eval()) as activity, torch.no_grad():
        model(torch.poisson(torch.full((2, 3, 2, 32, 32), 0.3)))
    assert not activity.uncounted
    analog = {name for name, layer in activity.synapses.items() if layer.analog}
    assert len(activity.neurons) == 6
    # the mean over the image; behind an average pool also the first block, and a shortcut's convolution
    assert len(analog) == (1 if pool == "max" else 4)


def test_the_stem_of_a_sew_resnet_runs_once_on_an_image() -> None:
    model = build("sew_resnet", Task(input_shape=(3, 16, 16), classes=2, steps=4), width=4, blocks=(1,))
    seen: list[int] = []
    model.get_submodule("layers.0").register_forward_hook(lambda m, args, out: seen.append(len(args[0])))
    x = torch.rand(2, 3, 16, 16).expand(4, 2, 3, 16, 16)
    assert is_static(x)
    assert model(x).shape == (4, 2, 2)
    assert seen == [2]


def test_votes_are_means_of_ten_neurons() -> None:
    model = build("plif_net", frames(16), channels=8, hidden=64).eval()
    torch.manual_seed(0)
    outputs = model(torch.poisson(torch.ones(2, 4, 2, 16, 16)))
    torch.testing.assert_close(outputs * 10, (outputs * 10).round())
    votes = model.get_submodule("layers")[:-1]  # type: ignore[index]
    x = torch.arange(20.0).view(1, 1, 20)
    torch.testing.assert_close(model.get_submodule("layers")[-1](x), torch.tensor([[[4.5, 14.5]]]))  # type: ignore[index]
    assert isinstance(votes[-1], Neuron)


def test_a_recurrent_layer_by_hand() -> None:
    task = Task(input_shape=(7,), classes=3, steps=5, events=True, values="counts")
    model = build("recurrent", task, hidden=(6,)).double()
    flat, first, layer, last = model.get_submodule("layers").children()
    x = torch.rand(5, 2, 7, dtype=torch.float64)
    s, v, outputs = torch.zeros(2, 6, dtype=torch.float64), torch.zeros(2, 6, dtype=torch.float64), []
    for x_t in x:
        v = 0.5 * v + x_t @ first.weight.T + first.bias + s @ layer.back.weight.T  # type: ignore[operator, union-attr]
        s = (v >= 0.2).double()
        v = v - 0.2 * s
        outputs.append(last(s))
    assert isinstance(flat, nn.Flatten)
    torch.testing.assert_close(model(x), torch.stack(outputs))
    assert torch.stack(outputs).std() > 0


def test_what_a_recorder_sees_of_a_recurrent_layer() -> None:
    task = Task(input_shape=(7,), classes=3, steps=5, events=True, values="counts")
    model = build("recurrent", task, hidden=(6,))
    x = torch.poisson(torch.ones(5, 2, 7))
    with record(model) as activity, torch.no_grad():
        model(x)
    assert not activity.uncounted
    assert activity.macs == 0
    back = next(layer for name, layer in activity.synapses.items() if name.endswith("back"))
    first = next(iter(activity.synapses.values()))
    sent = next(iter(activity.neurons.values())).spikes
    assert sum(sent) > 0
    assert back.operations == [6 * spikes for spikes in sent[:-1]]  # those of the last step go nowhere
    assert first.operations == (6 * x.sum((1, 2))).tolist()


@pytest.mark.parametrize("name", ["dense", "recurrent"])
@pytest.mark.parametrize("shape", [(700,), (2, 4, 4), (3, 5)])
def test_inputs_of_any_shape(name: str, shape: tuple[int, ...]) -> None:
    task = Task(input_shape=shape, classes=20, steps=3, events=True, values="counts")
    model = build(name, task, hidden=(16, 8))
    assert model(torch.rand(3, 2, *shape)).shape == (3, 2, 20)
    assert build(name, task, hidden=())(torch.rand(3, 2, *shape)).shape == (3, 2, 20)


@pytest.mark.parametrize("neuron", [Neuron, Start, Window])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("vgg", {"layers": [4, 4, "M"], "pooling": "avg", "head": "average", "batch_norm": "tebn"}),
        ("sew_resnet", {"width": 4, "blocks": (1, 1), "connect": "IAND"}),
        ("plif_net", {"channels": 4, "hidden": 8}),
        ("dense", {"batch_norm": "joint"}),
    ],
)
def test_any_neuron_trains_on_events(
    name: str, parameters: dict[str, object], neuron: type[SpikingNeuron]
) -> None:
    model = build(name, frames(8, steps=3), neuron, **parameters)
    x = torch.poisson(torch.full((3, 4, 2, 8, 8), 0.5))
    materialize(model, x)
    model(x).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    ("name", "parameters", "neuron", "message"),
    [
        ("recurrent", {}, Window, "Window needs the whole window of steps"),
        ("recurrent", {"hidden": (0,)}, Neuron, r"hidden must be at least 1 each, got \[0\]"),
        ("dense", {"dropout": 1.0}, Neuron, "dropout must be at least 0 and below 1, got 1"),
        ("sew_resnet", {"connect": "AND"}, Graded, "AND is a gate of spikes of 0 and 1, but Graded sends"),
        ("sew_resnet", {"connect": "OR"}, Neuron, "connect: 'OR' is not one of 'ADD', 'AND', 'IAND'"),
        ("sew_resnet", {"depth": 19}, Neuron, "depth: 19 is not one of 18, 34, 50, 101, 152"),
        ("sew_resnet", {"blocks": ()}, Neuron, "blocks must have at least 1 entry, got"),
        ("sew_resnet", {"width": 0}, Neuron, "width must be at least 1, got 0"),
        ("sew_resnet", {"blocks": (1,) * 5}, Neuron, "divide the size by 16, but images are 8 x 8"),
        (
            "sew_resnet",
            {"batch_norm": "none", "start_as_identity": True},
            Neuron,
            "start_as_identity needs a norm",
        ),
        (
            "plif_net",
            {"variant": "dvs128gesture"},
            Neuron,
            "halves images 5 times, which leaves nothing of 8",
        ),
        ("plif_net", {"votes": 0}, Neuron, "votes must be at least 1, got 0"),
        ("plif_net", {"hidden": 0}, Neuron, "hidden must be at least 1, got 0"),
        (
            "vgg",
            {"batch_norm": "layer"},
            Neuron,
            "batch_norm: 'layer' is not one of 'joint', 'per_step', 'tebn'",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    name: str, parameters: dict[str, object], neuron: type[SpikingNeuron], message: str
) -> None:
    with pytest.raises((ContractError, ParameterError), match=message):
        build(name, frames(8), neuron, **parameters)


@pytest.mark.parametrize("name", ["sew_resnet", "plif_net"])
def test_inputs_that_are_no_images_are_refused(name: str) -> None:
    with pytest.raises(ContractError, match=rf"{name} needs images \[C, H, W\], got inputs of shape \[700\]"):
        build(name, Task(input_shape=(700,), classes=20))
