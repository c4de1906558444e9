"""torch.compile takes whole networks in one graph, and they compute the same."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from snnplug import Registry, Task
from snnplug.nn import Dropout, StepwiseBatchNorm2d, TimeModule, TimeSequential, materialize

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

NETWORKS = [
    ("mnist_cnn", {"spiking_output": False}, "lif"),
    ("vgg", {"layers": [4, "M"], "hidden": (5,), "dropout": 0.2, "batch_norm": "per_step"}, "plif"),
    ("resnet", {"blocks": (1,), "widths": (3,)}, {"use": "imp", "base": "lif"}),
    ("resnet", {"blocks": (1,), "widths": (3,), "shortcut": "membrane"}, "if"),
]


@pytest.fixture(scope="module")
def registry():
    return Registry.from_installed(quiet=True)


def values(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def compiled(network):
    torch.compiler.reset()
    return torch.compile(network, backend="eager", fullgraph=True)  # no graph break, no C++


@pytest.mark.parametrize(("name", "parameters", "neuron"), NETWORKS, ids=str)
def test_networks_compile_whole(registry, name, parameters, neuron):
    architecture = registry.use("architecture", name, neuron=neuron, **parameters)
    network, x = architecture.build(Task(input_shape=(1, 16, 16), classes=3)), values(2, 2, 1, 16, 16)
    materialize(network, x)
    other = copy.deepcopy(network)
    results = []
    for model, run in ((network, network), (other, compiled(other))):
        torch.manual_seed(0)
        outputs = run(4 * x)
        (outputs * values(*outputs.shape)).sum().backward()
        results.append([outputs, *(p.grad for p in model.parameters() if p.grad is not None)])
    assert results[0][0].any()
    torch.testing.assert_close(results[1], results[0], rtol=1e-4, atol=1e-5)


class RunningSum(TimeModule):
    """Takes the time axis itself."""

    def forward(self, x: Tensor) -> Tensor:
        return x.cumsum(0)


def test_static_inputs_and_evaluation():
    network = TimeSequential(
        nn.Conv2d(1, 2, 3), StepwiseBatchNorm2d(2), RunningSum(), Dropout(0.5), nn.Flatten()
    )
    for model in (network, network.eval()):
        for x in (values(2, 1, 5, 5).expand(3, 2, 1, 5, 5), values(3, 2, 1, 5, 5)):
            results = []
            for run in (copy.deepcopy(model), compiled(copy.deepcopy(model))):
                torch.manual_seed(0)
                results.append(run(x))
            torch.testing.assert_close(*results)


def test_layers_changed_later_count():
    network, x = TimeSequential(nn.Linear(2, 2), RunningSum()), values(3, 2, 2)
    run = compiled(network)
    for change in (
        lambda: network.layers.append(nn.ReLU()),
        lambda: network.layers.insert(0, RunningSum()),
        lambda: network.layers.__setitem__(1, nn.Identity()),
        lambda: network.layers.__delitem__(0),
    ):
        torch.testing.assert_close(run(x), network(x))
        change()
    torch.testing.assert_close(run(x), network(x))
    assert torch.equal(network(x), x.cumsum(0).relu())


def test_a_compiled_network_is_pickled_and_copied():
    network, x = TimeSequential(nn.Linear(2, 2), RunningSum(), nn.ReLU()), values(3, 2, 2)
    expected = compiled(network)(x)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(other(x), expected)
        assert torch.equal(compiled(other)(x), expected)


def test_every_architecture_compiles_whole(registry: Registry) -> None:
    task = Task(input_shape=(1, 16, 16), classes=3, steps=2)
    left_out = {"candidate", "exported_network"}  # whose network is that of a run or a file
    small = {
        "vgg": {"layers": [4, "M"]},
        "resnet": {"blocks": (1,), "widths": (3,)},
        "sew_resnet": {"blocks": (1,), "width": 4},
        "plif_net": {"channels": 4, "hidden": 8},
        "autosnn_network": {"channels": 4},
        "snasnet_cell": {"channels": 4},
    }
    seen = set()
    for one in registry.list("architecture"):
        if one.name in left_out or getattr(one.spec, "trained", False):
            continue
        neuron = registry.use("neuron", "relu" if one.name == "mnist_ann" else "lif")
        network = registry.use("architecture", one.qualified, neuron=neuron, **small.get(one.name, {})).build(
            task
        )
        x = values(2, 2, 1, 16, 16)
        materialize(network, x)
        torch.testing.assert_close(compiled(network.eval())(x), network(x))
        seen.add(one.name)
    assert seen >= {*small, "dense", "recurrent", "mnist_cnn"}
