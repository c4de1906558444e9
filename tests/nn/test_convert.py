"""An ordinary model becomes a spiking network that computes the same."""

from __future__ import annotations

import copy
import pickle
from importlib import import_module

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from snnplug import Task
from snnplug.errors import ContractError, ConversionError, DataError
from snnplug.nn import ConvertedNetwork, TimeModule, convert

from .converting import Levels, Rectify, events, images, lively

EXACT = {"rtol": 1e-12, "atol": 1e-12}
slow = pytest.mark.slow
MODELS = [
    "resnet18",
    pytest.param("mobilenet_v2", marks=slow),
    pytest.param("vgg11_bn", marks=slow),
    pytest.param("vgg16", marks=slow),
    pytest.param("resnet50", marks=slow),
    pytest.param("densenet121", marks=slow),
    pytest.param("googlenet", marks=slow),
]


def build(name: str) -> nn.Module:
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    more = {"googlenet": {"aux_logits": False, "init_weights": True}, "mobilenet_v2": {"width_mult": 0.25}}
    return lively(getattr(torchvision.models, name)(weights=None, num_classes=10, **more.get(name, {})))


@pytest.mark.parametrize("name", MODELS)
def test_models_of_torchvision(name: str) -> None:
    model, x = build(name), images(2, 3, 32, 32)
    program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    with torch.no_grad():
        expected = model(x)
        exact = convert(program, x[:1], Rectify).network(x[None])[0]
        torch.testing.assert_close(exact, expected, rtol=1e-12, atol=1e-12 * expected.abs().max().item())
        coded = convert(program, x, Levels).network
        value = coded(x[None])
        torch.testing.assert_close(events(coded, x[None]).sum(0), value[0], **EXACT)
    assert value.shape == (1, 2, 10)
    assert value.std() > 1e-3  # spikes came through


def test_names_are_those_of_the_model() -> None:
    conversion = convert(build("resnet18"), images(1, 3, 32, 32), Rectify)
    assert isinstance(conversion.network, TimeModule)
    assert list(conversion.network.neurons())[:4] == [
        "relu",
        "layer1.0.relu",
        "layer1.0.relu_1",
        "layer1.1.relu",
    ]
    names = dict(conversion.network.named_modules())
    assert {"conv1", "layer2.0.conv1", "layer2.0.downsample.0", "fc"} <= names.keys()
    assert isinstance(names["layer2.0.conv1"], nn.Conv2d)
    first, norm, relu, pool, *_ = conversion.account
    assert (first.operation, first.what, first.becomes) == ("conv2d", "kept", "conv1")
    assert first.line.endswith("x = self.conv1(x)")
    assert (norm.operation, norm.what, norm.becomes) == ("batch_norm", "folded", "")
    assert (relu.operation, relu.what, relu.becomes) == ("relu", "converted", "relu")
    assert (pool.operation, pool.what) == ("max_pool2d", "kept")
    assert str(conversion).splitlines()[0].split() == ["operation", "what", "becomes", "line", "why"]
    assert len(str(conversion).splitlines()) == len(conversion.account) + 1


class Everything(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.around = nn.Conv2d(8, 8, 3, padding="same", padding_mode="circular")
        self.pre = nn.BatchNorm2d(16)
        self.shift = nn.Parameter(torch.randn(8, 1, 1))
        self.register_buffer("gain", torch.rand(8, 1, 1) + 0.5)
        self.act = nn.ReLU(inplace=True)
        self.max, self.avg, self.adaptive = nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveMaxPool2d(2)
        self.fc = nn.utils.parametrizations.weight_norm(nn.Linear(128, 20))
        self.matrix = nn.Parameter(torch.randn(20, 20) * 0.2)
        self.line = nn.Conv1d(4, 4, 3, padding=1)
        self.out = nn.Linear(20, 5)
        self.dropout = nn.Dropout(0.3)

    def forward(self, x):
        B = x.shape[0]
        x = self.act(self.norm(self.conv(x)))
        y = self.act(self.around(x) + self.shift)  # used twice
        y = F.relu6(y * self.gain - 1.0 + 2 * x)
        z = torch.cat([x[:, :4], y.chunk(2, 1)[1], x.split([3, 5], 1)[1][:, 1:], y[:, :4]], 1)
        z = self.pre(z).clamp(min=0, max=2.5)  # no layer to fold into
        z = self.max(F.pad(z, (1, 1, 1, 1)))
        u = torch.stack([z[:, :4], z[:, 4:8]], 1).flatten(1, 2)
        z = torch.cat([z.clamp_min(0), 1 - u, torch.neg(u) / 3], 1).relu_()
        z = self.avg(F.hardtanh(z, 0, 4)).transpose(2, 3).permute(0, 1, 3, 2)
        z = self.adaptive(z)
        q = self.line(z[:, :4].flatten(2)).relu()
        z = self.fc(self.dropout(torch.reshape(z, (B, -1)))).relu()
        z = F.threshold(z @ self.matrix, 0, 0)
        z += F.pad(q.view(B, -1), (0, 4))
        return self.out(z)


@pytest.fixture(scope="module")
def everything() -> nn.Module:
    torch.manual_seed(0)
    return lively(Everything())


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("pools", ["fold", "stage"])
def test_a_model_with_every_allowed_operation(everything: nn.Module, fold: bool, pools: str) -> None:
    x = images(3, 3, 8, 8)
    options = {"fold_batch_norm": fold, "pools": pools}
    with torch.no_grad():
        exact = convert(everything, x[:2], Rectify, **options).network
        torch.testing.assert_close(exact(x[None])[0], everything(x), **EXACT)
        coded = convert(everything, x[:2], Levels, **options).network
        value = coded(x[None])[0]
        window = events(coded, x[None])
    torch.testing.assert_close(window.sum(0), value, **EXACT)
    assert value.std() > 1e-3
    uppers = [neuron.upper for neuron in exact.neurons().values()]
    assert [upper for upper in uppers if upper < 100] == [6, 2.5, 4]
    assert ("avg" in exact.neurons()) == (pools == "stage")


@pytest.mark.parametrize(
    ("name", "parameters", "neurons"),
    [
        (
            "vgg",
            {"layers": [4, "M", 8, "M"], "hidden": (7,), "dropout": 0.2},
            ["layers.2", "layers.6", "layers.11"],
        ),
        ("vgg", {"layers": [4, "M"], "batch_norm": "per_step", "pooling": "avg"}, ["layers.2"]),
        ("resnet", {"blocks": (1,), "widths": (3,)}, None),
        ("resnet", {"blocks": (1, 1), "widths": (3, 5), "shortcut": "membrane"}, None),
        ("mnist_cnn", {"spiking_output": False}, ["layers.2", "layers.5"]),
    ],
)
def test_architectures_that_take_a_neuron(name, parameters, neurons) -> None:
    pytest.importorskip("snnplug_models")
    module = import_module(f"snnplug_models.{name.removesuffix('_cnn')}")

    class Component:
        def build(self):
            return Rectify()

    torch.manual_seed(0)
    task = Task(input_shape=(2, 16, 16), classes=4, steps=1)
    model = lively(getattr(module, name)(task, neuron=Component(), **parameters))
    x = images(3, 2, 16, 16)
    network = convert(model, x[:2], Rectify).network
    torch.testing.assert_close(network(x[None]), model(x[None]), **EXACT)
    assert neurons is None or list(network.neurons()) == neurons


def small() -> nn.Module:
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(2, 3, 3),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(12, 4),
    ]
    return lively(nn.Sequential(*layers))


def test_the_model_is_left_as_it_was() -> None:
    model = small().train()
    model[3].eval()
    state, generator = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    network = convert(model, images(2, 2, 6, 6), Levels).network
    assert [part.training for part in model] == [True, True, True, False, True, True]
    assert torch.equal(generator, torch.get_rng_state())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    for name, value in state.items():
        assert torch.equal(model.state_dict()[name], value), name


def test_a_network_is_copied_trained_and_saved_like_any_other(tmp_path) -> None:
    x = images(2, 2, 6, 6)
    network = convert(small(), x, Rectify).network
    other = copy.deepcopy(network)
    assert isinstance(other, ConvertedNetwork)
    torch.testing.assert_close(other(x[None]), network(x[None]))
    other(x[None]).sum().backward()
    assert all(parameter.grad is not None for parameter in other.parameters())
    assert all(parameter.grad is None for parameter in network.parameters())
    with torch.no_grad():
        other.get_parameter("5.bias").add_(1)
    network.load_state_dict(other.state_dict())
    torch.testing.assert_close(other(x[None]), network(x[None]))
    with pytest.raises(ContractError, match=r"torch\.save\(network\.state_dict\(\), path\); to read it"):
        pickle.dumps(network)
    torch.save(other.state_dict(), tmp_path / "network.pt")
    again = convert(small(), x, Rectify).network
    again.load_state_dict(torch.load(tmp_path / "network.pt"))
    torch.testing.assert_close(again(x[None]), other(x[None]))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("domain", ["value", "event"])
def test_a_network_compiles_whole_for_any_batch(domain: str) -> None:
    x = images(5, 2, 6, 6)
    network = convert(small(), x, Levels).network
    network(x[None])
    for neuron in network.neurons().values():
        neuron.domain = domain
    torch.compiler.reset()
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    for batch in (5, 2, 3):
        torch.testing.assert_close(compiled(x[None, :batch]), network(x[None, :batch]))


def test_programs_and_files(tmp_path) -> None:
    model, x = small(), images(2, 2, 6, 6)
    program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    before = str(program.graph)
    torch.export.save(program, tmp_path / "model.pt2")
    for given in (program, tmp_path / "model.pt2", str(tmp_path / "model.pt2")):
        network = convert(given, x, Rectify).network
        torch.testing.assert_close(network(x[None, :1])[0], model(x[:1]), **EXACT)
    assert str(program.graph) == before
    fixed = torch.export.export(model, (x,))  # for one batch size: converted ones take any
    torch.testing.assert_close(convert(fixed, x, Rectify).network(x[None, :1])[0], model(x[:1]), **EXACT)
    with pytest.raises(DataError, match=r"no file .*none\.pt2"):
        convert(tmp_path / "none.pt2", x, Rectify)
    (tmp_path / "bad.pt2").write_text("nothing")
    with pytest.raises(ConversionError, match=r"bad\.pt2 is not a program"):
        convert(tmp_path / "bad.pt2", x, Rectify)


class Folding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.twice, self.its = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
        self.shared, self.one, self.two = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.BatchNorm2d(2)
        self.read, self.reader = nn.Conv2d(2, 2, 1, bias=False), nn.BatchNorm2d(2, affine=False)
        self.fc, self.features = nn.Linear(2, 3), nn.BatchNorm1d(3)

    def forward(self, x):
        x = F.relu(self.its(self.twice(x)))
        x = F.relu(self.its(self.twice(x)))
        x = F.relu(self.one(self.shared(x))) + F.relu(self.two(self.shared(x)))
        y = self.read(x)
        x = F.relu(self.reader(y)) + y  # not only batch norm reads y
        return self.features(self.fc(x.mean((2, 3))))


def test_batch_norm_folds_where_it_can() -> None:
    torch.manual_seed(0)
    model, x = lively(Folding()), images(2, 2, 4, 4)
    conversion = convert(model, x, Rectify, fold_batch_norm=False)
    network = conversion.network
    torch.testing.assert_close(network(x[None])[0], model(x), **EXACT)
    assert [e.what for e in conversion.account if e.operation == "batch_norm"] == ["kept"] * 6
    assert sorted(network.fold()) == ["features", "its", "one", "two"]
    torch.testing.assert_close(network(x[None])[0], model(x), **EXACT)
    names = {name for name, part in network.named_modules() if type(part) is not nn.Module} - {""}
    assert names - set(network.neurons()) == {"twice", "shared", "shared_1", "read", "reader", "fc"}
    assert network.fold() == ()


def test_frozen_statistics_and_trained_scale() -> None:
    model, x = small(), images(3, 2, 6, 6)
    network = convert(model, x, Rectify, fold_batch_norm=False).network.train()
    norm = network.get_submodule("1")
    before = norm.mean.clone()
    network(x[None]).square().sum().backward()
    assert norm.weight.grad.abs().sum() > 0
    assert torch.equal(before, norm.mean)
    with torch.no_grad():
        norm.weight.mul_(1.5)
        expected = network(x[None])
        assert network.fold() == ("1",)
        torch.testing.assert_close(network(x[None]), expected, **EXACT)


class InPlace(nn.Module):
    def forward(self, x):
        y = x * 2
        F.relu_(y)  # what reads y later reads the result
        z = y + 1
        z -= y.flatten(1).unflatten(1, (2, 4)).mul_(3)  # of which no other view is read
        return z


def test_in_place_operations_that_nobody_else_sees() -> None:
    x = images(3, 2, 4)
    torch.testing.assert_close(convert(InPlace(), x, Rectify).network(x[None])[0], InPlace()(x), **EXACT)


class Moves(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain, self.shift = nn.Parameter(torch.rand(1, 4, 1, 1)), nn.Parameter(torch.rand(4, 1, 1))

    def forward(self, x):
        x = x * self.gain / 2 + self.shift
        x = x.narrow(1, 0, 2).swapaxes(2, 3).flip([2]).roll(1, 3)
        y = torch.relu(x).unbind(1)
        return torch.stack(y, 1).transpose(-1, -2).contiguous().mean(-1).sum(1)


def test_moves_and_trained_constants() -> None:
    model, x = lively(Moves()), images(3, 4, 5, 6)
    network = convert(model, x, Rectify).network
    torch.testing.assert_close(network(x[None])[0], model(x), **EXACT)
    assert [name for name, _ in network.named_parameters()] == ["mul.factor", "add.bias"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.narrow(0, 0, 1),
        lambda x: x.roll(1),
        lambda x: x[:2] + 0,
        lambda x: x.flip(0),
        lambda x: x.flatten(),
        lambda x: x.sum(),
        lambda x: x.transpose(0, 1).relu(),
        lambda x: torch.cat([x, x]),
    ],
)
def test_samples_stay_apart(function) -> None:
    class Mixing(nn.Module):
        def forward(self, x):
            return function(x)

    assert len(convert(Mixing(), images(3, 4), Rectify, strict=False).refused) >= 1
