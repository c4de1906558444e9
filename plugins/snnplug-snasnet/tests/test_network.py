from __future__ import annotations

import math

import attrs
import pytest
import torch
from snnplug_snasnet.space import SNASNet
from torch import nn

from snnplug import Task
from snnplug.nn import recalibrate, record
from snnplug.testing.candidates import TinyNeuron

CIFAR100_CELL, CIFAR10_CELL = "0302 0030 3003 0000", "0303 0030 2002 0200"
DIGITS = Task(input_shape=(1, 8, 8), classes=10, steps=4)


class WithLinear(TinyNeuron):
    """A neuron with a layer of its own, whose weights the network must leave alone."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(2, 2)
        nn.init.constant_(self.mix.weight, 7.0)


def build(task=DIGITS, cell=CIFAR10_CELL, neuron=TinyNeuron, **parameters):
    return SNASNet(task, neuron=neuron, **parameters).build(cell)


@pytest.mark.parametrize(
    ("side", "classes", "cell", "parameters", "expected"),
    [
        (32, 10, CIFAR10_CELL, {"channels": 256}, 44_686_180),
        (32, 10, CIFAR10_CELL, {"channels": 256, "final_pool": 4}, 19_520_356),
        (32, 100, CIFAR100_CELL, {"channels": 128}, 20_624_500),
        (64, 200, CIFAR100_CELL, {"channels": 128, "hidden": 4096}, 74_540_648),
    ],
)
def test_published_sizes(side, classes, cell, parameters, expected):
    with torch.device("meta"):
        network = build(Task(input_shape=(3, side, side), classes=classes), cell, **parameters)
    assert sum(p.numel() for p in network.parameters()) == expected


@pytest.mark.parametrize(
    ("shape", "image"), [((1, 8, 8), 2), ((1, 28, 28), 7), ((3, 32, 32), 8), ((3, 64, 64), 8), ((2, 4, 4), 1),
                         ((1, 2, 2), 1), ((2, 128, 128), 8)]
)  # fmt: skip
def test_default_sizes(shape, image):
    network = build(Task(input_shape=shape, classes=3), channels=4)
    assert network.classifier.hidden.weight.shape == (32, 8 * image**2)
    assert network.eval()(torch.rand(2, 1, *shape)).shape == (2, 1, 3)


def test_static_input_passes_the_stem_once():
    network, seen = build(), []
    network.stem.register_forward_hook(lambda module, args, out: seen.append(len(out)))
    x = torch.rand(3, 1, 8, 8)
    outputs = network(x.expand(4, *x.shape))
    assert seen == [3]
    assert outputs.shape == (4, 3, 10)
    network(torch.rand(4, 3, 1, 8, 8))
    assert seen == [3, 12]


def test_event_data_passes_too():
    network = build(Task(input_shape=(2, 16, 16), classes=11, events=True))
    assert network(torch.rand(4, 2, 2, 16, 16)).shape == (4, 2, 11)


def test_initial_weights():
    torch.manual_seed(0)
    network = build(channels=32)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            bound = math.sqrt(1.2 / module.weight[0].numel())  # fan-in
            assert 0.9 * bound < module.weight.abs().max() <= bound
    hidden, output = network.classifier.hidden, network.classifier.output
    assert hidden.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert output.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert hidden.bias is None
    assert not output.bias.any()


def test_neurons_keep_their_own_weights():
    network = build(neuron=WithLinear)
    neurons = [m for m in network.modules() if isinstance(m, WithLinear)]
    assert len(neurons) == 3 + 2 * 6
    assert all((neuron.mix.weight == 7).all() for neuron in neurons)


def test_a_neuron_given_ready_made_is_copied_for_each_layer():
    network = build(neuron=WithLinear())
    assert len({id(m) for m in network.modules() if isinstance(m, WithLinear)}) == 15


def test_spiking_layers_have_readable_names():
    network = build(cell="0101 0001 2000 0000", pruning=False)
    with record(network) as activity:
        network(torch.rand(2, 1, 1, 8, 8))
    assert set(activity.neurons) == {
        "cell1.edges.2-0.neuron",
        "reduction.neuron",
        "cell2.edges.2-0.neuron",
        "classifier.neuron",
        "classifier.hidden_neuron",
    }
    assert not activity.uncounted


def test_voting_averages_neighbouring_outputs():
    classifier = build(voting=2, hidden=4).classifier.eval()
    nn.init.zeros_(classifier.output.weight)
    with torch.no_grad():
        classifier.output.bias.copy_(torch.arange(20.0))
        out = classifier(torch.zeros(1, 1, 32, 4, 4))
    assert out.flatten().tolist() == [0.5 + 2 * k for k in range(10)]


def test_batch_norm_takes_each_step_by_itself():
    network = build(cell="0001 0000 0000 0000").eval()
    network(torch.rand(4, 3, 1, 8, 8))
    assert network.reduction.norm.num_batches_tracked == 0
    network.train()(torch.rand(4, 3, 1, 8, 8))
    assert network.reduction.norm.num_batches_tracked == 4
    assert network.stem[1].num_batches_tracked == 1


@pytest.mark.parametrize(("pooling", "pool"), [("avg", nn.AvgPool2d), ("max", nn.MaxPool2d)])
def test_pooling_of_the_two_layers_that_halve_the_image(pooling, pool):
    network = build(pooling=pooling)
    assert isinstance(network.reduction.pool, pool)
    assert isinstance(network.classifier.pool, pool)


def test_operations_of_the_variant_with_larger_kernels():
    operations = ("zero", "identity", "conv3", "conv5", "avg_pool")
    network = build(operations=operations, pooling="max")  # codes 3 and 2 are now 5x5 and 3x3
    assert network.cell1.edges["0-1"].conv.kernel_size == (5, 5)
    assert network.cell1.edges["2-0"].conv.kernel_size == (3, 3)
    assert network(torch.rand(4, 2, 1, 8, 8)).shape == (4, 2, 10)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"channels": 0}, "channels must be at least 1, got 0"),
        ({"hidden": 0}, "hidden must be at least 1, got 0"),
        ({"voting": -1}, "voting must be at least 1, got -1"),
        ({"final_pool": 5}, "final_pool must fit into the 4x4 image"),
        ({"stem_stride": 8}, "final_pool must fit into the 0x0 image"),
        ({"dropout": 1.0}, r"dropout must be at least 0 and below 1, got 1.0"),
    ],
)
def test_values_out_of_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        build(**parameters)


def test_input_without_image_axes_is_refused():
    with pytest.raises(ValueError, match=r"input_shape must be \(C, H, W\)"):
        build(Task(input_shape=(64,), classes=10))


def test_a_cell_with_feedback_on_events_evaluates_as_it_trained() -> None:
    """Events come and go over time; running statistics of all steps together would describe none of them."""
    task = Task(input_shape=(2, 8, 8), classes=3, steps=6, events=True, values="counts")
    rate = torch.tensor([0.0, 0.1, 0.5, 2.0, 0.5, 0.1]).view(6, 1, 1, 1, 1).expand(6, 32, 2, 8, 8)
    x = torch.poisson(rate, generator=torch.Generator().manual_seed(0))
    gone = {}
    for events in (True, False):
        torch.manual_seed(0)
        space = SNASNet(attrs.evolve(task, events=events), neuron=TinyNeuron, channels=6, dropout=0.0)
        network = space.build("0303 0000 3000 0030")
        seen = []
        network.cell2.register_forward_hook(lambda module, args, out, seen=seen: seen.append(out))
        with torch.no_grad():
            network.train()(x)
            recalibrate(network, [x])
            network.eval()(x)
        gone[events] = float((seen[-1] - seen[0]).abs().mean() / seen[0].std())
    assert gone[True] < 0.05
    assert gone[False] > 0.5


def test_as_the_papers_text_has_it_there_are_neurons_after_the_stem_and_before_the_reducing_pool():
    torch.manual_seed(0)
    network = build(stem_neuron=True, reduction="paper", pooling="max", channels=8).eval()
    seen = {}
    for name in ("cell1", "reduction.conv", "reduction.pool", "cell2"):
        module = network.get_submodule(name)
        module.register_forward_pre_hook(lambda m, args, name=name: seen.setdefault(name, args[0]))
    with torch.no_grad():
        network(torch.rand(4, 2, 1, 8, 8) * 4)
    binary = torch.tensor([0.0, 1.0])
    assert torch.isin(seen["cell1"], binary).all()
    assert torch.isin(seen["reduction.pool"], binary).all()
    assert torch.isin(seen["cell2"], binary).all()  # of max pools, too
    assert not torch.equal(seen["cell1"][0], seen["cell1"][1])  # a neuron has another state at each step
    assert seen["reduction.conv"].shape[-3:] == (8, 8, 8)
    assert seen["cell2"].shape[-3:] == (16, 4, 4)


def test_the_order_of_the_paper_has_a_batch_norm_less():
    code, paper = build(channels=8), build(channels=8, reduction="paper")
    parameters = [sum(p.numel() for p in network.parameters()) for network in (code, paper)]
    assert parameters[0] - parameters[1] == 2 * 8  # scale and shift before the neuron


@pytest.mark.parametrize("reduction", ["code", "paper"])
def test_the_supernet_has_the_same_skeleton(reduction):
    space = SNASNet(DIGITS, neuron=TinyNeuron, channels=4, stem_neuron=True, reduction=reduction)
    supernet = space.supernet()
    supernet.select(CIFAR10_CELL)
    network = space.build(CIFAR10_CELL)
    network.load_state_dict(supernet.weights(CIFAR10_CELL))
    x = torch.rand(3, 2, 1, 8, 8)
    torch.testing.assert_close(network.eval()(x), supernet.eval()(x), rtol=0, atol=0)
