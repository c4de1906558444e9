from __future__ import annotations

import math

import pytest
import torch
from snnplug_ann.activation import Clamp, ReLU, ReLU6

from snnplug import Registry, Task
from snnplug.nn import is_static, record

registry = Registry.from_installed()


@pytest.mark.parametrize(
    ("neuron", "sent"),
    [(ReLU(), [0, 0, 0.5, 7]), (ReLU6(), [0, 0, 0.5, 6]), (Clamp(bound=0.25), [0, 0, 0.25, 0.25])],
)
def test_by_hand(neuron, sent):
    x = torch.tensor([-3, 0, 0.5, 7]).reshape(1, 1, 4)
    assert neuron(x).flatten().tolist() == sent
    assert neuron(x, neuron.initial_state(x[0]))[0].flatten().tolist() == sent


@pytest.mark.parametrize("neuron", [ReLU(), ReLU6(), Clamp()])
def test_a_static_input_stays_one(neuron):
    x = torch.randn(2, 3)
    y = neuron(x.expand(5, 2, 3))
    assert y.shape == (5, 2, 3)
    assert is_static(y)
    assert torch.equal(y, neuron(x.expand(5, 2, 3).contiguous()))


@pytest.mark.parametrize("bound", [0.0, -1.0, math.inf, math.nan])
def test_a_bound_is_a_number_above_0(bound):
    with pytest.raises(ValueError, match=r"^bound must be (finite and )?above 0, got"):
        Clamp(bound=bound)


@pytest.mark.parametrize("name", ["mnist_cnn", "vgg", "resnet"])
def test_a_network_of_relus_takes_one_pass_of_macs_whatever_the_steps(name):
    task = Task(input_shape=(1, 16, 16), classes=3)
    model = registry.use("architecture", name).build(task, neuron=registry.use("neuron", "relu")).eval()
    figures = []
    for steps in (1, 4):
        with record(model) as activity:
            model(torch.rand(2, 1, 16, 16).expand(steps, 2, 1, 16, 16))
        assert not activity.neurons
        assert all(layer.analog for layer in activity.synapses.values())
        figures.append(activity.macs)
    assert figures[0] == figures[1] == activity.dense_macs > 0


def test_repr():
    assert (repr(ReLU()), repr(Clamp(bound=2.0))) == ("ReLU()", "Clamp(bound=2)")
