from __future__ import annotations

import itertools
import json
import random
from collections import Counter

import pytest
import torch
from snnplug_snasnet.genotype import PAIRS, canonical, parse, prune
from snnplug_snasnet.space import SNASNet

from snnplug import Component, Registry, Task
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import SpikingNeuron, spike
from snnplug.testing import PluginConformance, SearchSpaceConformance
from snnplug.testing.candidates import TinyNeuron

TASK = Task(input_shape=(1, 8, 8), classes=10, steps=3)


class Window(SpikingNeuron):
    windowed = True

    def sequence(self, x, state):
        return spike(x - x.mean(0)), state


class WithThreshold(TinyNeuron):
    def __init__(self, *, threshold: float = 1.25) -> None:
        super().__init__()
        self.threshold = threshold


class TestPlugin(PluginConformance):
    name = "snnplug-snasnet"


class TestSNASNet(SearchSpaceConformance):
    name = "snnplug-snasnet:snasnet"
    params = (
        {"channels": 4},
        {"channels": 4, "backward": False, "pooling": "max"},
        {"channels": 4, "operations": ["zero", "conv3", "conv5", "max_pool"], "require_direct": False},
        {"channels": 4, "pruning": False},
    )


def space(neuron=TinyNeuron, **parameters):
    return SNASNet(TASK, neuron=neuron, **{"channels": 4, **parameters})


SPACES = [
    {},
    {"backward": False},
    {"require_direct": False},
    {"pruning": False},
    {"operations": ("zero", "conv3")},
]


def check_inside(genotype, backward=True, require_direct=True, pruning=True, operations=range(5)):
    """The rules of the space, apart from the code that enforces them."""
    assert json.loads(json.dumps(genotype)) == genotype
    matrix = parse(genotype)
    assert all(0 <= code < len(operations) for row in matrix for code in row)
    assert not any(matrix[i][j] and matrix[j][i] for i, j in PAIRS)
    if not backward:
        assert not any(matrix[j][i] for i, j in PAIRS)
    if require_direct:
        assert matrix[0][3]
    if pruning:
        assert prune(matrix) == matrix
    assert canonical(matrix) == matrix


@pytest.mark.parametrize("options", SPACES, ids=str)
def test_everything_drawn_is_inside(options):
    cells, rng = space(**options), random.Random(0)
    drawn = [cells.sample(rng) for _ in range(200)]
    for one, other in itertools.pairwise(drawn):
        check_inside(one, **options)
        check_inside(cells.crossover(one, other, rng), **options)
        mutant = cells.mutate(one, rng)
        check_inside(mutant, **options)
        assert cells.key(mutant) != cells.key(one)


def test_draws_depend_on_the_generator_alone():
    drawn = [space().sample(random.Random(i)) for i in range(5)]
    assert drawn == [space().sample(random.Random(i)) for i in range(5)]
    assert len(set(drawn)) > 1


def test_distribution_of_draws():
    # one of four operations for sure on 0 -> 3 where it is required; each other pair, before
    # pruning, has no edge in 1 of 5 draws, else forward or feedback with the same chance
    cells, rng, n = space(pruning=False), random.Random(0), 4000
    edges = Counter()
    for _ in range(n):
        matrix = parse(cells.sample(rng))
        edges["forward 1-2"] += bool(matrix[1][2])
        edges["feedback 2-1"] += bool(matrix[2][1])
        edges["direct conv3"] += matrix[0][3] == 3
    assert edges["forward 1-2"] / n == pytest.approx(0.4, abs=0.03)
    assert edges["feedback 2-1"] / n == pytest.approx(0.4, abs=0.03)
    assert edges["direct conv3"] / n == pytest.approx(0.25, abs=0.03)


def test_a_mutant_differs_in_few_edges():
    cells, rng = space(pruning=False), random.Random(1)
    for _ in range(50):
        parent = cells.sample(rng)
        before, after = parse(parent), parse(cells.mutate(parent, rng))
        order = (0, 2, 1, 3)
        swapped = tuple(tuple(after[i][j] for j in order) for i in order)
        assert min(sum(changed(before, m, pair) for pair in PAIRS) for m in (after, swapped)) == 1


def changed(one, other, pair):
    i, j = pair
    return (one[i][j], one[j][i]) != (other[i][j], other[j][i])


def test_a_child_of_twins_is_their_like():
    assert (
        space().crossover("0303 0030 2002 0200", "0303 0030 2002 0200", random.Random(0))
        == "0303 0030 2002 0200"
    )


def test_key_is_the_same_on_every_machine():
    key = space().key("0302 0030 3003 0000")
    assert key == "da695d9d50cbf971788bfdfe8f07630750992fc53888f1ee6d330294b203ab59"
    assert space(backward=False).key("0001 0000 0000 0000") == space().key("0001 0000 0000 0000")


def test_key_ignores_dead_edges_unless_they_are_kept():
    assert space().key("0421 0000 0000 0000") == space().key("0001 0000 0000 0000")
    unpruned = space(pruning=False)
    assert unpruned.key("0421 0000 0000 0000") != unpruned.key("0001 0000 0000 0000")


def test_key_names_operations_not_codes():
    other = space(operations=("zero", "conv3", "conv5"))
    assert other.key("0001 0000 0000 0000") == space().key("0003 0000 0000 0000")
    assert other.key("0001 0000 0000 0000") != space().key("0001 0000 0000 0000")


def relabelled(genotype):
    order, matrix = (0, 2, 1, 3), parse(genotype)
    return [[matrix[i][j] for j in order] for i in order]


@pytest.mark.parametrize("seed", range(12))
def test_equal_keys_are_the_same_function(seed):
    """A cell and its relabelled twin with the same weights at the relabelled places agree."""
    cells, rng = space(), random.Random(seed)
    genotype = cells.sample(rng)
    while (
        parse(genotype)[1][2]
        or parse(genotype)[2][1]
        or relabelled(genotype) == [*map(list, parse(genotype))]
    ):
        genotype = cells.sample(rng)
    twin = relabelled(genotype)
    assert cells.key(twin) == cells.key(genotype)
    torch.manual_seed(seed)
    network, other = cells.build(genotype).double().eval(), cells.build(twin).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():  # so that everything fires
            parameter.add_(0.3 * torch.randn_like(parameter))
    other.load_state_dict({swap_nodes(name): value for name, value in network.state_dict().items()})
    x = 2 * torch.randn(3, 4, 1, 8, 8, dtype=torch.float64)
    outputs = network(x)
    assert outputs.std() > 0.01
    torch.testing.assert_close(other(x), outputs, rtol=1e-9, atol=1e-9)


def swap_nodes(name):
    parts = name.split(".")
    if parts[1] == "edges":
        parts[2] = parts[2].translate(str.maketrans("12", "21"))
    return ".".join(parts)


def test_a_joined_pair_of_nodes_is_not_the_same_function_relabelled():
    # 1 -> 2 in the same step, or 2 -> 1 a step later, is not symmetric: the key must tell them apart
    assert space().key("0301 0040 0002 0000") != space().key("0031 0002 0400 0000")


def test_graph_of_a_published_cell():
    graph = space().graph("0303 0030 2002 0200")
    assert graph.nodes == ("input", "1", "2", "output")
    assert [(e.source, e.target, e.label, e.backward) for e in graph.edges] == [
        ("input", "1", "conv3", False),
        ("1", "2", "conv3", False),
        ("input", "output", "conv3", False),
        ("2", "output", "conv1", False),
        ("2", "input", "conv1", True),
        ("output", "1", "conv1", True),
    ]
    assert len(space(pruning=False).graph("0421 0000 0000 0000").edges) == 1


def test_the_graph_says_which_edges_have_neurons_and_of_what_threshold():
    operations = ("zero", "identity", "conv3", "conv3@0.5", "avg_pool")
    neuron = Component(kind="neuron", plugin="test", version="", name="with", target=WithThreshold)
    edges = space(neuron=neuron, operations=operations, backward=False).graph("0231 0034 0003 0000").edges
    assert [(edge.label, edge.spiking, edge.threshold) for edge in edges] == [
        ("conv3", 1, 1.25),
        ("conv3@0.5", 1, 0.5),
        ("conv3@0.5", 1, 0.5),
        ("identity", 0, None),
        ("avg_pool", 0, None),
        ("conv3@0.5", 1, 0.5),
    ]


def test_size_is_the_number_of_different_networks():
    assert space(operations=("zero", "conv3"), backward=False).size() == 7
    assert space().size() == 102_596
    assert space(backward=False).size() == 7_012


@pytest.mark.parametrize(
    ("genotype", "options", "message"),
    [
        ("0005 0000 0000 0000", {}, "an operation code above 4"),
        ("0001 0000 0000 3000", {"backward": False}, "set backward = true"),
        ("0301 0003 0000 1100", {}, "both directions between two nodes"),
        ("0300 0003 0000 0000", {}, "set require_direct = false"),
        ("0300 0000 0000 0000", {"require_direct": False}, "no path from input to output"),
        ("0303", {}, "four rows of four"),
    ],
)
def test_genotypes_outside_the_space_are_refused(genotype, options, message):
    for method in ("key", "build", "graph"):
        with pytest.raises(ParameterError, match=message):
            getattr(space(**options), method)(genotype)


def test_a_neuron_without_steps_is_refused_before_anything_is_built():
    with pytest.raises(ContractError, match="choose a causal neuron"):
        space(Window)
    forward = space(Window, backward=False)
    assert forward.build("0303 0030 0002 0000")(torch.rand(3, 2, 1, 8, 8)).shape == (3, 2, 10)


def test_wrong_parameters_are_told_in_one_line():
    component: Component = Registry.from_installed(quiet=True).use(
        "search_space", "snasnet", operations=["conv3"]
    )
    with pytest.raises(ParameterError, match="begin with 'zero'"):
        component.build(TASK, neuron=TinyNeuron)
