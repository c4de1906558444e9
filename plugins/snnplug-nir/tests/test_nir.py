"""NIR files: what is written, what is refused, and who reads it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from snnplug_nir.architecture import nir_network
from snnplug_nir.exporter import NIR
from snnplug_nir.network import NIRNetwork, read_graph
from snnplug_nir.neuron import NIRNeuron
from torch import Tensor, nn

from snnplug import LayerGraph, Registry, Task
from snnplug.errors import ContractError, DataError, ExportError
from snnplug.nn import TimeModule, TimeSequential, fold, sent_by_layers
from snnplug.testing import ExporterConformance, PluginConformance
from snnplug.testing.exporter import tiny_inputs, tiny_network


class TestPlugin(PluginConformance):
    name = "snnplug-nir"


class TestNIR(ExporterConformance):
    name = "snnplug-nir:nir"
    params = ({}, {"dialect": "norse"}, {"dialect": "snntorch"})


def neuron(**settings: Any) -> NIRNeuron:
    return NIRNeuron(**{"tau": 2.0, "threshold": 1.0, "decay_input": True, **settings})


def written(network: nn.Module, x: Tensor, folder: Path, **settings: Any) -> nir.NIRGraph:
    exported = NIR(**settings)(network.eval(), x, folder / "a.nir")
    return nir.read(exported.files[0])


@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("reset_value", [0.0, -0.5])
@pytest.mark.parametrize("tau", [2.0, 4 / 3, 17.3, None])
def test_a_round_trip_is_exact(
    decay_input: bool, reset_value: float, tau: float | None, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    new = {"tau": tau, "decay_input": decay_input and tau is not None, "reset_value": reset_value}
    network = TimeSequential(nn.Linear(6, 32), neuron(**new), nn.Linear(32, 8), neuron(**new)).eval()
    x = 2 * torch.rand(100, 4, 6)
    graph = written(network, x, tmp_path)
    again = NIRNetwork(graph)
    for key in ("tau", "threshold", "reset_value", "decay_input"):
        assert getattr(again.nodes["layers_1"], key) == getattr(network.layers[1], key)
    with torch.no_grad():
        assert torch.equal(again(x), network(x))
    (tmp_path / "b").mkdir()
    second = written(again, x, tmp_path / "b")
    kept = {name.removeprefix("nodes_"): node for name, node in second.nodes.items()}
    for name, node in graph.nodes.items():
        for key, value in node.to_dict().items():
            if isinstance(value, np.ndarray):
                assert np.array_equal(value, kept[name].to_dict()[key]), (name, key)


def test_norms_fold_into_the_weights_before_them(tmp_path: Path) -> None:
    network = tiny_network()
    norm = network.layers[1]
    torch.manual_seed(1)
    nn.init.normal_(norm.running_mean)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    nn.init.normal_(norm.weight)
    graph = written(network, tiny_inputs(), tmp_path)
    kinds = [type(node).__name__ for node in graph.nodes.values()]
    assert sorted(kinds) == sorted(
        ["Input", "Conv2d", "LIF", "AvgPool2d", "Flatten", "Affine", "LIF", "Affine", "Output"]
    )
    conv = network.layers[0]
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    assert np.allclose(
        graph.nodes["layers_0"].weight,
        (conv.weight * factor[:, None, None, None]).detach().numpy(),
        atol=1e-6,
    )
    bias = norm.bias + (conv.bias - norm.running_mean) * factor
    assert np.allclose(graph.nodes["layers_0"].bias, bias.detach().numpy(), atol=1e-6)


class Sum(TimeModule):
    """Two convolutions added up, a norm over the sum, and an identity beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.one, self.two = neuron(), nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(2, 4, 1)
        self.norm, self.after, self.head = nn.BatchNorm2d(4), neuron(), nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        y = fold(self.norm, fold(self.one, x) + fold(self.two, x))
        return fold(self.head, self.after(y).flatten(2))


def test_what_is_added_up_is_shifted_once(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Sum().eval()
    nn.init.normal_(network.norm.running_mean)
    nn.init.normal_(network.norm.bias)
    x = 3 * torch.rand(6, 2, 2, 4, 4)
    graph = written(network, x, tmp_path)
    with torch.no_grad():
        assert torch.allclose(NIRNetwork(graph)(x), network(x), atol=1e-5)
    assert {a for a, b in graph.edges if b == "after"} == {"one", "two"}


class Grouped(TimeModule):
    """A grouped convolution behind a norm that folds into nothing, and outputs averaged by threes."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.neuron = nn.BatchNorm2d(4), neuron()
        self.conv, self.head = nn.Conv2d(4, 8, 3, padding=1, groups=2), nn.Linear(128, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = fold(self.conv, self.neuron(fold(self.norm, x)))
        return fold(self.head, x.flatten(2)).unflatten(2, (2, 3)).mean(3)


def test_groups_lone_norms_and_votes_are_written_in_what_readers_know(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Grouped().eval()
    nn.init.normal_(network.norm.running_mean)
    x = 3 * torch.rand(6, 2, 4, 4, 4)
    graph = written(network, x, tmp_path)
    assert graph.nodes["conv"].groups == 1 and graph.nodes["conv"].weight.shape == (8, 4, 3, 3)
    assert graph.nodes["norm"].weight.shape == (4, 4, 1, 1)
    assert graph.nodes["vote"].weight.shape == (2, 6)
    with torch.no_grad():
        assert torch.allclose(NIRNetwork(graph)(x), network(x), atol=1e-5)


class Scaled(TimeModule):
    """Halves what its neurons send, outside of every layer."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.one, self.two = how, neuron(), neuron()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x)
        if self.how == "scales":
            x = 0.5 * x
        elif self.how == "turns":
            x = x.flip(2)
        elif self.how == "hides":
            x = torch.where(x > 2, x, x)[..., [3, 2, 1, 0]]
        x = self.two(fold(self.layer, x))
        return x - 1 if self.how == "shifts" else x


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("scales", "before layer the network changes values by mul"),
        ("turns", "before layer the network changes values by flip"),
        ("shifts", "behind the last layer the network changes values by sub"),
        ("hides", "where"),
    ],
)
def test_what_happens_between_layers_is_named(how: str, said: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    with pytest.raises(ExportError, match=said):
        written(Scaled(how).eval(), 4 * torch.rand(8, 3, 4), tmp_path)
    assert not (tmp_path / "a.nir").exists()


def installed(name: str, **settings: Any) -> nn.Module:
    built: nn.Module = Registry.from_installed(quiet=True).create("neuron", name, **settings)
    return built


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("lif", {"reset": "soft"}, "NIR resets to a potential"),
        ("lif", {"reset": "none"}, "is not reset by its spikes"),
        ("glif", {}, "is no leaky integrate-and-fire neuron with constant leak"),
        ("psn", {}, "is no leaky integrate-and-fire neuron with constant leak"),
        ("imp", {"base": {"use": "lif"}}, "begins at a potential of its own"),
        ("leaky", {}, "is no leaky integrate-and-fire neuron with constant leak"),
    ],
)
def test_neurons_that_nir_has_no_words_for_are_refused(
    name: str, settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    registry = Registry.from_installed(quiet=True)
    if name not in {registration.name for registration in registry.list("neuron")}:
        pytest.skip(f"{name} is not installed")
    built = registry.component("neuron", {"use": name, **settings}, "neuron").build()
    network, x = TimeSequential(nn.Linear(4, 4), built), torch.rand(4, 2, 4)
    network(x)
    with pytest.raises(ExportError, match=said):
        written(network.eval(), x, tmp_path)


def test_all_reasons_are_told_at_once(tmp_path: Path) -> None:
    network = TimeSequential(
        nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), neuron(tau=1.0), nn.Flatten(), nn.LayerNorm(18)
    )
    with pytest.raises(ExportError) as caught:
        written(network, torch.rand(4, 1, 1, 8, 8), tmp_path)
    said = "\n".join(caught.value.reasons)
    assert len(caught.value.reasons) == 3
    assert "takes the maximum" in said and "keeps nothing of its potential" in said and "LayerNorm" in said


def test_feedback_is_refused(tmp_path: Path) -> None:
    registry = Registry.from_installed(quiet=True)
    if "recurrent" not in {registration.name for registration in registry.list("architecture")}:
        pytest.skip("snnplug-models is not installed")
    lif = registry.component("neuron", {"use": "lif"}, "neuron")
    task = Task(input_shape=(6,), classes=3)
    network = registry.create("architecture", "recurrent", task, neuron=lif, hidden=(5,))
    with pytest.raises(ExportError, match="one step later, and readers do not agree"):
        written(network, torch.rand(4, 2, 6), tmp_path)


def test_equations_of_a_file_of_somebody_else(tmp_path: Path) -> None:
    lif = nir.LIF(tau=np.full(3, 5e-3), r=np.full(3, 3.0), v_leak=np.zeros(3), v_threshold=np.full(3, 0.7))
    integrate = nir.IF(r=np.full(2, 400.0), v_threshold=np.full(2, 1.5))
    weight = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    nodes = {
        "input": nir.Input(np.array([4])),
        "a": nir.Linear(weight),
        "b": lif,
        "c": nir.Affine(weight[:2, :3], np.ones(2, dtype=np.float32)),
        "d": integrate,
        "output": nir.Output(np.array([2])),
    }
    names = list(nodes)
    nir.write(tmp_path / "a.nir", nir.NIRGraph(nodes, list(pairwise(names))))
    graph = read_graph(tmp_path / "a.nir")
    with pytest.raises(ContractError, match="does not say how long a time step is; give dt"):
        NIRNetwork(graph)
    dt, x = 1e-3, 3 * torch.rand(50, 1, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = NIRNetwork(graph, dt=dt)(x)[:, 0].numpy()
    v, u, expected = np.zeros(3), np.zeros(2), []
    for current in x[:, 0].double().numpy():
        h = v + dt / 5e-3 * (0 - v + 3.0 * (weight @ current))
        s = h >= 0.7
        v = np.where(s, 0, h)
        g = u + dt * 400.0 * (weight[:2, :3] @ s + 1)
        z = g >= 1.5
        u = np.where(z, 0, g)
        expected.append(z)
    assert np.array_equal(found, np.array(expected)) and found.any()


def test_a_time_step_that_a_reader_does_not_take_leaves_it_out() -> None:
    assert "snntorch" in {reader.name for reader in NIR().readers}
    assert "snntorch" not in {reader.name for reader in NIR(dt=1e-3).readers}
    with pytest.raises(ValueError, match="dt"):
        NIR(dt=0)


def test_a_file_is_an_architecture(tmp_path: Path) -> None:
    network, x = tiny_network(), tiny_inputs()
    NIR()(network, x, tmp_path / "a.nir")
    task = Task(input_shape=(1, 8, 8), classes=3)
    with torch.no_grad():
        assert torch.allclose(nir_network(task, file=str(tmp_path / "a.nir"))(x), network(x), atol=1e-5)
    for other, said in (
        (Task(input_shape=(1, 8, 8), classes=4), "4 classes"),
        (Task(input_shape=(2,), classes=3), "does not take inputs"),
    ):
        with pytest.raises(ContractError, match=said):
            nir_network(other, file=str(tmp_path / "a.nir"))
    with pytest.raises(ContractError, match="give file"):
        nir_network(task)
    with pytest.raises(DataError, match="is no file"):
        nir_network(task, file=str(tmp_path / "b.nir"))
    (tmp_path / "c.nir").write_text("nothing")
    with pytest.raises(DataError, match="cannot be read as NIR: it is no HDF5 file"):
        nir_network(task, file=str(tmp_path / "c.nir"))


def test_potentials_at_the_threshold_are_counted() -> None:
    network = TimeSequential(nn.Identity(), neuron(tau=None, threshold=1.0, decay_input=False)).eval()
    x = torch.tensor([0.5, 0.5, 0.25, 1.0]).reshape(4, 1, 1)
    margin = sent_by_layers(network, x).margins["layers.1"]
    assert (margin.ties, margin.close, margin.all) == (1, 1, 4)


def test_what_a_layer_passes_on_the_way() -> None:
    from snnplug.nn import layer_graph

    graph: LayerGraph = layer_graph(Scaled("scales").eval(), torch.rand(3, 1, 4))
    assert graph.by_name["layer"].through == ("mul",) and graph.by_name["two"].through == ()
    assert layer_graph(Scaled("shifts").eval(), torch.rand(3, 1, 4)).through == ("sub",)
