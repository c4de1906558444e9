"""Depths, entropies and scores of tiny networks against numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from snnplug_spiking_depth.chain import NEVER, neuron_depths
from snnplug_spiking_depth.score import Layer, SpikingDepth, count_entropies, entry_lead
from torch import nn

from snnplug import Candidate, Registry, Task
from snnplug.nn import MembraneState, SpikingNeuron, TimeSequential, seeded, spike


class Above(SpikingNeuron):
    """Fires from 1 on, whatever came before."""

    def step(self, x, state):
        return spike(x - 1), MembraneState(torch.zeros_like(x))


class Windowed(SpikingNeuron):
    """Needs all four steps at once."""

    windowed = True

    def sequence(self, x, state):
        assert len(x) == 4
        return spike(x - x.mean(0)), state


class Net(nn.Module):
    """A network of layers of neurons, with a forward of its own."""

    def __init__(self, forward, layers, neuron=Above):
        super().__init__()
        self.n = nn.ModuleList(neuron() for _ in range(layers))
        self.bias = nn.Parameter(torch.ones(()))
        self.run = forward

    def forward(self, x):
        return self.run(self.n, x, self.bias)


X = torch.rand(4, 3, 2, generator=torch.Generator().manual_seed(0)) * 2


def depths(forward, layers, neuron=Above):
    depth, found = neuron_depths(Net(forward, layers, neuron), X)
    return depth, {int(name.split(".")[1]): value for name, value in found.items()}


def test_the_longest_of_several_chains_counts():
    """0 -> 1 -> 3 beside 2 -> 3 beside the input: three layers, not four."""
    assert depths(lambda n, x, b: n[3](n[1](n[0](x)) + n[2](x)) + x, 4) == (3, {0: 1, 1: 2, 2: 1, 3: 3})


def test_layers_beside_each_other_add_nothing():
    assert depths(lambda n, x, b: n[0](x) + n[1](x) + n[2](x), 3) == (1, {0: 1, 1: 1, 2: 1})


def test_dead_layers_have_no_depth():
    """Layer 1 is computed and dropped; layer 2 sees a parameter and never the input."""

    def forward(n, x, b):
        n[1](n[0](x))
        return n[0](x) + n[2](b.expand_as(x))

    assert depths(forward, 3) == (1, {0: 1})


def test_no_neurons_and_no_input():
    assert depths(lambda n, x, b: 2 * x, 0) == (0, {})
    assert depths(lambda n, x, b: n[0](b.expand_as(x)), 1) == (NEVER, {})
    assert depths(lambda n, x, b: torch.zeros_like(x), 1) == (NEVER, {})


def test_a_layer_used_twice_is_two_links_and_stands_where_it_is_first():
    assert depths(lambda n, x, b: n[0](n[1](n[0](x))), 2) == (3, {0: 1, 1: 2})


def test_windowed_neurons_and_deep_chains():
    """Thousands of layers: deeper than Python's stack."""

    def forward(n, x, b):
        for neuron in n:
            x = neuron(x)
        return x

    assert depths(forward, 3, Windowed)[0] == 3
    assert depths(forward, 3000)[0] == 3000


def test_feedback_into_the_next_step_does_not_count():
    """Layer 0 sees the input and what layer 1 sent the step before, layer 1 sees layer 0."""

    def forward(n, x, b):
        feedback, states, outputs = 0, [layer.initial_state(x[0]) for layer in n], []
        for x_t in x:
            s, states[0] = n[0].step(x_t + feedback, states[0])
            feedback, states[1] = n[1].step(s, states[1])
            outputs.append(s)
        return torch.stack(outputs)

    assert depths(forward, 2) == (1, {0: 1})


def test_neurons_inside_a_neuron_are_part_of_it():
    class Around(Above):
        def __init__(self):
            super().__init__()
            self.inside = Above()

    assert neuron_depths(TimeSequential(Around(), Above()), X) == (2, {"layers.0": 1, "layers.1": 2})


def test_the_answer_is_the_same_without_gradients():
    with torch.no_grad():
        assert depths(lambda n, x, b: n[1](n[0](x)), 2)[0] == 2


def test_entropy_of_spike_counts_by_hand():
    """Counts over two steps are 0, 1, 2, 2: p = 1/4, 1/4, 1/2, so 1.5 bits; the second layer is silent."""
    x = torch.stack([torch.tensor([[0.0, 1.0], [1.0, 1.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]])])
    net = Net(lambda n, x, b: n[1](0.5 * n[0](x)), 2)
    assert count_entropies(net, x) == {Layer("n.0", (2,)): 1.5, Layer("n.1", (2,)): 0.0}


def test_entropy_is_the_same_step_by_step():
    def stepwise(n, x, b):
        state = n[0].initial_state(x[0])
        spikes = []
        for x_t in x:
            s, state = n[0].step(x_t, state)
            spikes.append(s)
        return torch.stack(spikes)

    at_once = count_entropies(Net(lambda n, x, b: n[0](x), 1), X)
    assert count_entropies(Net(stepwise, 1), X) == at_once
    assert 0 < at_once[Layer("n.0", (2,))] <= math.log2(5)


def test_entry_lead_by_hand():
    """Stage (4,): entries 2 and 1, the rest 1 and 0.5, so 0.75. (2,) is one layer; "dead" has no depth."""
    entropies = {
        Layer("a", (4,)): 2.0,
        Layer("b", (4,)): 1.0,
        Layer("c", (4,)): 1.0,
        Layer("d", (4,)): 0.5,
        Layer("e", (2,)): 3.0,
        Layer("dead", (4,)): 9.0,
    }
    found = {"a": 2, "b": 2, "c": 3, "d": 4, "e": 1}
    assert entry_lead(entropies, found) == pytest.approx(1.5 - 0.75)


def candidate(net, x=X):
    return Candidate(
        genotype=None,
        key="k",
        build=lambda repeat=0: net,
        batch=lambda index, size: (x[:, :size], None),
        seed=0,
    )


def chain(n, x, b):
    return n[1](0.5 * n[0](x))


@pytest.mark.parametrize(("weight", "score"), [(0.0, 2.0), (1.0, 3.0), (2.0, 4.0)])
def test_score_by_hand(weight, score):
    """Two layers in a chain; the first fires for half of the inputs, 1 bit, the second never."""
    x = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    assert SpikingDepth(weight=weight)(candidate(Net(chain, 2), x)) == pytest.approx(score)


def test_output_without_input_scores_least():
    assert SpikingDepth()(candidate(Net(lambda n, x, b: n[0](b.expand_as(x)), 1))) == -math.inf


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"weight": -1.0}, "weight must be at least 0"), ({"batch_size": 0}, "batch_size must be at least 1")],
)
def test_parameters_out_of_range(parameters, message):
    with pytest.raises(ValueError, match=message):
        SpikingDepth(**parameters)


CELLS = {
    "0001 0000 0000 0000": 3,  # the identity: reduction, last and hidden layer
    "0003 0000 0000 0000": 5,  # one convolution in each of two cells
    "0303 0030 0003 0000": 9,  # three in a row
    "0301 0030 0003 0000": 9,
    "0333 0033 0003 0000": 9,  # six, three in a row
    "0303 0003 0300 0000": 7,  # 0 -> 1 -> 3, with feedback from 2 that nothing reaches
    "0003 3000 0000 0300": 5,  # 3 -> 1 -> 0 is feedback, for a later step
}


@pytest.mark.parametrize("cell", CELLS)
def test_depth_of_cells(cell):
    pytest.importorskip("snnplug_snasnet")
    pytest.importorskip("snnplug_lif")
    registry = Registry.from_installed(quiet=True)
    task = Task(input_shape=(1, 8, 8), classes=10, steps=3)
    space = registry.create(
        "search_space",
        "snasnet",
        task,
        neuron=registry.use("neuron", "lif"),
        channels=2,
        require_direct=False,
        pruning=False,
    )
    with seeded(0):
        net = space.build(cell)
    x = torch.rand(3, 4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert SpikingDepth(weight=0)(candidate(net, x)) == CELLS[cell]
