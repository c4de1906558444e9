from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
import torch
from snnplug_autosnn.architecture import autosnn_network
from snnplug_autosnn.space import BLOCKS, AutoSNN
from torch import nn

from snnplug import Supernet, Task
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import SpikingNeuron, record, seeded
from snnplug.testing.candidates import TinyNeuron, tiny_neuron

TASK = Task(input_shape=(1, 8, 8), classes=3, steps=3)


def space(task=TASK, neuron=TinyNeuron, **parameters):
    return AutoSNN(task, neuron=neuron, **{"channels": 4, **parameters})


def image(task=TASK, static=True):
    x = torch.rand(2, *task.input_shape, generator=torch.Generator().manual_seed(0))
    return x.expand(task.steps, *x.shape) if static else x.repeat(task.steps, 1, 1, 1, 1)


def test_blocks_are_drawn_uniformly():
    rng = random.Random(0)
    drawn = Counter(name for _ in range(1000) for name in space().sample(rng).split())
    assert set(drawn) == set(BLOCKS)
    assert all(850 < count < 1150 for count in drawn.values())


def test_mutants_differ_where_the_probability_says():
    rng, parent = random.Random(0), "skip SCB_k3 SCB_k5 SRB_k3 SRB_k5"
    changed = [
        sum(a != b for a, b in zip(space().mutate(parent, rng).split(), parent.split(), strict=True))
        for _ in range(2000)
    ]
    assert min(changed) == 1
    # 5 places with 0.2 each, given that one at least changes: 1 / (1 - 0.8^5)
    assert sum(changed) / len(changed) == pytest.approx(1 / (1 - 0.8**5), abs=0.05)


def test_children_are_cut_once_and_pools_are_places():
    rng = random.Random(0)
    children = Counter(space().crossover("skip " * 5, "SRB_k3 " * 5, rng) for _ in range(7000))
    cuts = {" ".join(["skip"] * n + ["SRB_k3"] * (5 - n)): n for n in range(6)}
    shares = {cuts[child]: count / 1000 for child, count in children.items()}
    # places: block m block block m block block m; a cut before place 1 to 7
    expected = {1: 2, 2: 1, 3: 2, 4: 1, 5: 1}
    assert shares == pytest.approx(expected, abs=0.2)


def test_genotypes_are_all_and_no_two_alike():
    small = space(macro=[4, "m", 8])
    all_of_them = list(small.genotypes())
    assert len({small.key(genotype) for genotype in all_of_them}) == small.size() == 25


@pytest.mark.parametrize("given", ["SRB_k5 skip SCB_k3 SRB_k3 SCB_k5", [4, -1, 0, 1, -1, 3, 2, -1]])
def test_texts_names_and_numbers(given):
    names = "SRB_k5 skip SCB_k3 SRB_k3 SCB_k5"
    assert space().key(given) == space().key(names) == space().key(names.split())


@pytest.mark.parametrize(
    ("genotype", "complaint"),
    [
        ("skip skip", "has 2 blocks, the backbone has 5 places"),
        ("skip skip skip skip SRB_k33", "unknown block 'SRB_k33'. Did you mean 'SRB_k3'"),
        ([0, 1, 2, 3, 5], "unknown block 5"),
        ([0, 1, 2, 3, True], "unknown block True"),
        (7, "no text and no list"),
    ],
)
def test_what_is_no_genotype(genotype, complaint):
    with pytest.raises(ParameterError, match=complaint):
        space().build(genotype)


SPACES = [
    {},
    {"macro": "SNN_2"},
    {"macro": "SNN_3", "batch_norm": "joint"},
    {"macro": "SNN_4", "voting": 1},
    {"macro": [4, "a", "8*", "m", "g"], "blocks": ("skip", "SIB_k3_e2", "SRB_k7")},
]


@pytest.mark.parametrize("parameters", SPACES, ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_a_network_with_the_shared_weights_is_the_path_of_the_supernet(parameters, training):
    one = space(**parameters)
    with seeded(1):
        supernet = one.supernet()
    assert isinstance(supernet, Supernet)
    x, rng = image(), random.Random(3)
    for _ in range(4):
        genotype = one.sample(rng)
        alone = one.build(genotype)
        alone.load_state_dict(supernet.weights(genotype))
        supernet.select(genotype)
        alone.train(training), supernet.train(training)
        with record(alone) as first, record(supernet) as second:
            assert torch.equal(alone(x), supernet(x))
        assert first.spikes_per_sample == second.spikes_per_sample
        assert first.synaptic_operations == second.synaptic_operations


def test_shared_weights_are_the_supernets_own():
    one = space()
    supernet = one.supernet()
    shared = supernet.weights("skip " * 5)
    assert shared["stem.layers.0.conv.weight"].data_ptr() == supernet.stem.layers[0].conv.weight.data_ptr()


def test_unselected_blocks_get_no_gradient_and_no_statistics():
    supernet = space().supernet()
    supernet.select("SRB_k3 " * 5)
    supernet(image()).sum().backward()
    for name, parameter in supernet.named_parameters():
        other = ".blocks." in name and ".blocks.SRB_k3." not in name
        assert (parameter.grad is None) == other, name
    untouched = {
        k: v for k, v in supernet.state_dict().items() if k.endswith("running_mean") and ".SCB_" in k
    }
    assert untouched
    assert all(not value.any() for value in untouched.values())


@pytest.mark.parametrize("static", [True, False])
def test_batch_norm_of_the_stem_sees_a_static_image_once(static):
    network = space().build("skip " * 5)
    network(image(static=static))
    assert int(network.stem.layers[0].norm.num_batches_tracked) == (1 if static else TASK.steps)


@pytest.mark.parametrize(
    ("size", "pools", "linear"), [((1, 32, 32), 0, 256), ((3, 64, 64), 1, 256), ((2, 128, 128), 2, 256)]
)
def test_stems_bring_images_of_all_sizes_to_the_same(size, pools, linear):
    network = space(Task(input_shape=size, classes=10, steps=2)).build("skip " * 5)
    assert sum(isinstance(part, nn.MaxPool2d) for part in network.stem.modules()) == pools
    assert network.head.layers.layers[1].in_features == linear
    x = torch.zeros(2, 1, *size)
    assert network(x).shape == (2, 1, 10)


def test_a_learnable_start_of_every_neuron_is_found_by_enough_paths():
    one = space(neuron=tiny_neuron(learnable_start=True))
    supernet = one.supernet()
    for name in BLOCKS:
        supernet.select(f"{name} " * 5)
        supernet(image())
    lazy = [p for p in supernet.parameters() if nn.parameter.is_lazy(p)]
    assert not lazy


def test_the_graph_is_a_chain_that_names_blocks_and_pools():
    task = Task(input_shape=(1, 16, 16), classes=3, steps=2)
    graph = space(task, macro=[4, "m", "8*", "a"], stem="conv_pool").graph("SRB_k5 SCB_k3")
    assert [edge.label for edge in graph.edges] == [
        "conv3 4 channels, halved",
        "SRB_k5 4 channels",
        "max_pool 4 channels, halved",
        "SCB_k3 8 channels, halved",
        "avg_pool 8 channels, halved",
        "vote",
    ]
    assert [edge.source for edge in graph.edges] == list(graph.nodes[:-1])
    assert [edge.target for edge in graph.edges] == list(graph.nodes[1:])
    assert [edge.spiking for edge in graph.edges] == [2, 2, 0, 2, 1, 1]
    assert [edge.stride for edge in graph.edges] == [2, 1, 2, 2, 2, 1]


@pytest.mark.parametrize("macro", ["SNN_1", "SNN_2", "SNN_3", [4, "a", 4, "8*"]])
@pytest.mark.parametrize("block", ["skip", "SCB_k3", "SIB_k3_e2"])
def test_the_graph_has_as_many_neurons_as_the_network(macro, block):
    task = Task(input_shape=(1, 16, 16), classes=3, steps=2)
    one = space(task, macro=macro, blocks=(block,), channels=4)
    layers = sum(isinstance(module, SpikingNeuron) for module in one.build(block).modules())
    assert sum(edge.spiking for edge in one.graph(block).edges) == layers


def test_the_graph_names_places_as_the_layers_of_the_network():
    one = space(macro=[4, "m", 8])
    modules = dict(one.build("SRB_k5 SCB_k3").named_modules())
    assert set(one.graph("SRB_k5 SCB_k3").nodes[1:]) <= modules.keys()


@pytest.mark.parametrize(
    ("task", "parameters", "error", "complaint"),
    [
        ((10,), {}, ContractError, "needs images"),
        ((1, 4, 4), {}, ContractError, "halves an image of 4 x 4 pixels behind the stem to nothing"),
        ((1, 2, 2), {"stem": "conv_pool_pool"}, ContractError, "stem 'conv_pool_pool' leaves nothing"),
        ((1, 8, 8), {"channels": 0}, ValueError, "channels must be at least 1"),
        ((1, 8, 8), {"voting": 0}, ValueError, "voting must be at least 1"),
        ((1, 8, 8), {"mutation": 0.0}, ValueError, "mutation must be above 0 and at most 1"),
        ((1, 8, 8), {"macro": "SNN_5"}, ValueError, "Did you mean 'SNN_"),
        ((1, 8, 8), {"macro": ["m"]}, ValueError, "must hold a block"),
        ((1, 8, 8), {"macro": [4, "x"]}, ValueError, "got 'x'"),
        ((1, 8, 8), {"macro": [0]}, ValueError, "got '0'"),
        ((1, 8, 8), {"blocks": ("conv",)}, ValueError, "got 'conv'"),
    ],
)
def test_what_cannot_be_is_refused_at_once(task, parameters, error, complaint):
    with pytest.raises(error, match=complaint):
        space(Task(input_shape=task, classes=3, steps=2), **parameters)


def test_one_block_for_all_places():
    short, long = (
        autosnn_network(TASK, neuron=TinyNeuron, channels=4, blocks=b) for b in ("skip", "skip " * 5)
    )
    assert [tuple(p.shape) for p in short.parameters()] == [tuple(p.shape) for p in long.parameters()]
    assert space().key("skip") == space().key("skip skip skip skip skip") != space().key("SRB_k3")
    with pytest.raises(ParameterError, match=r"blocks: .*has 2 blocks"):
        autosnn_network(TASK, neuron=TinyNeuron, blocks="skip SRB_k3")
    with pytest.raises(ValueError, match="got 'SRB'"):
        autosnn_network(TASK, neuron=TinyNeuron, blocks="SRB")


def test_every_pair_of_blocks_and_backbones_runs():
    for macro, name in itertools.product(("SNN_1", "SNN_2", "SNN_3", "SNN_4"), BLOCKS):
        assert autosnn_network(TASK, neuron=TinyNeuron, channels=2, macro=macro, blocks=name)(
            image()
        ).shape == (3, 2, 3)
