"""The layers of a network as one pass shows them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug.nn import (
    SpikingNeuron,
    StepwiseBatchNorm2d,
    TimeModule,
    TimeSequential,
    fold,
    join_steps,
    layer_graph,
)


class Fires(SpikingNeuron):
    """Sends 1 where the current is positive."""

    def step(self, x: Tensor, state: Any) -> Any:
        return (x > 0).to(x.dtype), state

    def leak_factor(self) -> float | None:
        return 0.5


def images(channels: int = 2, size: int = 8, steps: int = 3) -> Tensor:
    return torch.zeros(steps, 1, channels, size, size)


def test_layers_shapes_and_who_sends_to_whom() -> None:
    model = TimeSequential(
        nn.Conv2d(2, 6, 3, stride=2, padding=1, groups=2),
        nn.BatchNorm2d(6),
        Fires(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(24, 5),
    )
    graph = layer_graph(model, images())
    assert [(layer.name, layer.kind, layer.inputs) for layer in graph.layers] == [
        ("layers.0", "conv", ("input",)),
        ("layers.2", "neuron", ("layers.0",)),
        ("layers.3", "pool", ("layers.2",)),
        ("layers.5", "linear", ("layers.3",)),
    ]
    conv, neuron, pool, linear = graph.layers
    assert (conv.in_shape, conv.out_shape) == ((2, 8, 8), (6, 4, 4))
    assert (conv.kernel, conv.stride, conv.padding, conv.groups) == ((3, 3), (2, 2), (1, 1), 2)
    assert (conv.weights, conv.biases, conv.norms) == (54, 6, ("layers.1",))
    assert (conv.fan_in, conv.fan_out, conv.connections) == (9, 3 * 4, 9 * 96)
    assert neuron.neuron is not None and (neuron.neuron.leak, neuron.neuron.reset) == (0.5, "")
    assert (pool.pooling, pool.kernel, pool.out_shape) == ("avg", (2, 2), (6, 2, 2))
    assert (linear.in_shape, linear.out_shape, linear.fan_in, linear.fan_out) == ((6, 2, 2), (5,), 24, 5)
    assert graph.outputs == ("layers.5",) and not graph.analog_input
    assert layer_graph(model, images() + 0.5).analog_input


def test_the_network_stays_as_it_was() -> None:
    model = TimeSequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), Fires()).train()
    before = {name: x.clone() for name, x in model.state_dict().items()}
    layer_graph(model, images())
    assert model.training and "step" not in vars(model.layers[2])
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())


class Branches(TimeModule):
    """Adds two convolutions, or joins them along channels, in front of neurons."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.one, self.two, self.neuron, self.how = nn.Conv2d(2, 4, 3), nn.Conv2d(2, 4, 3), Fires(), how
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        a, b = fold(self.one, x), fold(self.two, x)
        if self.how == "norm":
            return self.neuron(fold(self.norm, a + 0.5 * b))
        joined = {
            "add": lambda: a + b,
            "multiply": lambda: a * b,
            "concatenate": lambda: torch.cat([a, b], 2),
        }
        return self.neuron(joined[self.how]())


def test_what_is_added_is_named_by_who_takes_it() -> None:
    graph = layer_graph(Branches("add"), images())
    assert [layer.name for layer in graph.layers] == ["one", "two", "neuron"]
    assert graph.by_name["neuron"].inputs == ("one", "two")
    assert graph.takers["input"] == graph.layers[:2]


def test_a_norm_of_a_sum_folds_into_all_that_is_added() -> None:
    graph = layer_graph(Branches("norm"), images())
    assert [layer.name for layer in graph.layers] == ["one", "two", "neuron"]
    assert [layer.norms for layer in graph.weighted] == [("norm",), ("norm",)]


@pytest.mark.parametrize(("how", "operation"), [("multiply", "mul"), ("concatenate", "cat")])
def test_whatever_else_joins_is_a_layer(how: str, operation: str) -> None:
    graph = layer_graph(Branches(how), images())
    [other] = [layer for layer in graph.layers if layer.kind == "other"]
    assert (other.operation, other.inputs) == (operation, ("one", "two"))
    assert graph.by_name["neuron"].inputs == (other.name,)


class Functions(TimeModule):
    """Calls functions in place of modules."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 2, 3, 3))
        self.neuron = Fires()

    def forward(self, x: Tensor) -> Tensor:
        y = F.max_pool2d(F.conv2d(x.flatten(0, 1), self.weight, padding="same"), 2)
        y = torch.tanh(y).mean((-1, -2)).view(*x.shape[:2], -1)
        return self.neuron(y)


def test_functions_are_layers_too() -> None:
    graph = layer_graph(Functions(), images())
    assert [(layer.kind, layer.operation) for layer in graph.layers] == [
        ("conv", "conv2d"),
        ("pool", "max_pool2d"),
        ("other", "tanh"),
        ("pool", "mean"),
        ("neuron", "Fires"),
    ]
    conv, _, _, mean, _ = graph.layers
    assert (conv.padding, conv.weights) == ((1, 1), 72)
    assert (mean.kernel, mean.pooling, mean.out_shape) == ((4, 4), "avg", (4,))


class Feedback(TimeModule):
    """Sends spikes back into the next step."""

    def __init__(self) -> None:
        super().__init__()
        self.forth, self.neuron, self.back = nn.Linear(3, 4), Fires(), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        back, outputs, state = torch.zeros(len(x[0]), 4), [], None
        for current in x.unbind(0):
            total = self.forth(current) + back
            state = self.neuron.initial_state(total) if state is None else state
            spikes, state = self.neuron.step(total, state)
            back = self.back(spikes)
            outputs.append(spikes)
        return join_steps(outputs)


def test_feedback_comes_from_a_later_layer() -> None:
    graph = layer_graph(Feedback(), torch.zeros(3, 1, 3))
    assert [layer.name for layer in graph.layers] == ["forth", "neuron", "back"]
    assert [(sender.name, taker.name) for sender, taker in graph.feedback] == [("back", "neuron")]
    assert not layer_graph(Feedback(), torch.zeros(1, 1, 3)).feedback  # there is no next step


def test_a_norm_of_each_step_stays_a_layer() -> None:
    joint = TimeSequential(nn.Conv2d(2, 4, 3), StepwiseBatchNorm2d(4), Fires())
    own = TimeSequential(nn.Conv2d(2, 4, 3), StepwiseBatchNorm2d(4, steps=3), Fires())
    assert [layer.kind for layer in layer_graph(joint, images()).layers] == ["conv", "neuron"]
    assert [layer.kind for layer in layer_graph(own, images()).layers] == ["conv", "norm", "neuron"]


def test_a_norm_with_statistics_of_the_batch_stays_a_layer() -> None:
    model = TimeSequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), Fires())
    assert [layer.kind for layer in layer_graph(model, images()).layers] == ["conv", "norm", "neuron"]


def test_a_norm_whose_weights_somebody_else_needs_stays_a_layer() -> None:
    class Twice(TimeModule):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.neuron = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), Fires()

        def forward(self, x: Tensor) -> Tensor:
            y = fold(self.conv, x)
            return self.neuron(fold(self.norm, y)) + y

    assert "norm" in layer_graph(Twice(), images()).by_name
