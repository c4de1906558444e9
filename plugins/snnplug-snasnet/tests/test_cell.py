from __future__ import annotations

import pytest
import torch
from snnplug_snasnet.cell import Cell
from snnplug_snasnet.genotype import parse
from snnplug_snasnet.operations import check_operations, make_operation

from snnplug.nn import SpikingNeuron, record, spike
from snnplug.testing.candidates import TinyNeuron

OPERATIONS = ("zero", "identity", "conv1", "conv3", "avg_pool", "max_pool", "conv5")


class Window(SpikingNeuron):
    """Fires where the current is above its mean over time, so it needs all steps at once."""

    windowed = True

    def sequence(self, x, state):
        return spike(x - x.mean(0)), state


def cell(text, channels=1, neuron=TinyNeuron):
    return Cell(parse(text), OPERATIONS, channels, neuron)


def ones(steps):
    return torch.ones(1, 1, 1, 1).expand(steps, 1, 1, 1, 1)


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        # n3 = n0 + n1, n1 = n0: twice the input
        ("0101 0001 0000 0000", [2, 2, 2, 2]),
        # b0 = n3: n0 = 1, 1 + 1, 1 + 2, ...
        ("0001 0000 0000 1000", [1, 2, 3, 4]),
        # n1 = n0 + b1, b1 = n3, n3 = n0 + n1: 2, 1 + (1 + 2), 1 + (1 + 4), ...
        ("0101 0001 0000 0100", [2, 4, 6, 8]),
        # node 2 feeds node 1, and n2 = n0: n3 = n0 + n1 + n2 with n1 = b1 = n2 of the step before
        ("0011 0001 0101 0000", [2, 3, 3, 3]),
        # all three feedbacks into 0 and 1: n1 = n0 + b1, n2 = n1, n3 = n0 + n2, b0 = n2, b1 = n3
        # t1: n0 1, n1 1, n3 2;  t2: n0 2, n1 2+2, n3 6;  t3: n0 5, n1 5+6, n3 16
        ("0101 0010 1001 0100", [2, 6, 16]),
        # feedback into node 2: n2 = b2 = n3 of the step before, n3 = n0 + n2
        ("0001 0000 0001 0010", [1, 2, 3, 4]),
    ],
)
def test_recurrence_by_hand(text, outputs):
    assert cell(text)(ones(len(outputs))).flatten().tolist() == outputs


def test_feedback_carries_gradients():
    x = torch.ones(3, 1, 1, 1, 1, requires_grad=True)
    cell("0001 0000 0000 1000")(x)[2].sum().backward()
    assert x.grad.flatten().tolist() == [1, 1, 1]


def test_a_node_that_nothing_reaches_yet_is_zero():
    # node 1 gets something only from the second step on, over 0 -> 2 and the feedback 2 -> 1
    assert cell("0010 0001 0100 0000")(ones(3)).flatten().tolist() == [0, 1, 1]


@pytest.mark.parametrize("training", [True, False])
def test_sequence_equals_steps(training):
    torch.manual_seed(0)
    x = torch.randn(4, 3, 5, 6, 6, dtype=torch.float64) * 2
    network = cell("0352 0064 0003 0000", channels=5).double().train(training)
    twin = cell("0352 0064 0003 0000", channels=5).double().train(training)
    twin.load_state_dict(network.state_dict())
    torch.testing.assert_close(
        network(x), twin.sequence(x, twin.initial_state(x[0]))[0], rtol=1e-12, atol=1e-12
    )
    for ours, others in zip(network.buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(ours, others, rtol=1e-12, atol=1e-12)


def test_neurons_of_backward_edges_fire_at_every_step():
    network = cell("0003 0000 0000 3000").eval()
    with record(network) as activity:
        network(ones(3) * 5)
    assert set(activity.neurons) == {"edges.0-3.neuron", "edges.3-0.neuron"}
    assert [len(layer.spikes) for layer in activity.neurons.values()] == [3, 3]


def test_forward_cell_takes_a_neuron_that_needs_the_whole_window():
    assert cell("0003 0000 0000 0000", neuron=Window)(torch.randn(3, 2, 1, 4, 4)).shape == (3, 2, 1, 4, 4)


def test_pools_keep_the_shape_and_count_the_border():
    x = torch.ones(1, 1, 1, 3, 3)
    average = make_operation("avg_pool", 1, TinyNeuron)(x)[0, 0, 0]
    assert average.tolist() == [
        [pytest.approx(n / 9) for n in row] for row in ([4, 6, 4], [6, 9, 6], [4, 6, 4])
    ]
    assert torch.equal(make_operation("max_pool", 1, TinyNeuron)(x), x)


def test_convolution_of_any_odd_size():
    assert make_operation("conv7", 2, TinyNeuron).conv.weight.shape == (2, 2, 7, 7)
    assert make_operation("conv7", 2, TinyNeuron)(torch.zeros(2, 1, 2, 4, 4)).shape == (2, 1, 2, 4, 4)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["zero", "conv4"], "got 'conv4'"),
        (["zero", "convolution"], "got 'convolution'"),
        (["zero", "conv0"], "got 'conv0'"),
        (["conv3", "zero"], "begin with 'zero'"),
        (["zero"], "2 to 10"),
        ([], "2 to 10"),
        (["zero", "conv3", "conv3"], "different"),
        (["zero", *(f"conv{k}" for k in range(1, 21, 2))], "2 to 10"),
    ],
)
def test_wrong_operations_are_refused(names, message):
    with pytest.raises(ValueError, match=message):
        check_operations(names)
