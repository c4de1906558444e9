"""A neuron that sends analog values has no spikes, and what gets them is billed in multiply-accumulates."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from snnplug.nn import (
    MembraneState,
    SpikingNeuron,
    TimeModule,
    TimeSequential,
    count_spikes,
    record,
    watch_spikes,
)

from .counting import Fire, binary


class Rectify(SpikingNeuron):
    analog = True

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return torch.relu(x), state


class Mix(SpikingNeuron):
    """Mixes what it gets by weights of its own before it rectifies."""

    analog = True

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(3))

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return torch.relu(x @ self.weight), state


class Residual(TimeModule):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + x


class Step(TimeModule):
    def __init__(self, neuron: SpikingNeuron) -> None:
        super().__init__()
        self.neuron = neuron

    def forward(self, x: Tensor) -> Tensor:
        state, sent = self.neuron.initial_state(x[0]), []
        for one in x:
            spikes, state = self.neuron.step(one, state)
            sent.append(spikes)
        return torch.stack(sent)


def linear() -> nn.Linear:
    layer = nn.Linear(3, 3, bias=False)
    nn.init.eye_(layer.weight)
    return layer


@pytest.mark.parametrize("wrap", [lambda neuron: neuron, Step], ids=["forward", "step"])
@pytest.mark.parametrize(
    "x", [torch.zeros(4, 2, 3), torch.ones(4, 2, 3), binary(4, 2, 3)], ids=["0", "1", "spikes"]
)
def test_whole_numbers_are_no_spikes(wrap: type[Step], x: Tensor) -> None:
    model = TimeSequential(linear(), wrap(Rectify()), nn.Identity(), linear(), nn.Flatten(), linear())
    with record(model) as activity:
        model(x)
    assert not activity.neurons
    assert activity.spikes_per_sample == 0
    first, *others = activity.synapses.values()
    assert not first.analog  # the input is spikes
    assert [layer.analog for layer in others] == [True, True]
    assert activity.macs == 2 * 4 * 9


def test_what_is_added_to_analog_values_is_analog_until_a_neuron_fires() -> None:
    model = TimeSequential(
        linear(), Rectify(), Residual(TimeSequential(linear(), Fire())), linear(), Fire(), linear()
    )
    with record(model) as activity:
        model(binary(4, 2, 3))
    assert list(activity.neurons) == ["layers.2.layer.layers.1", "layers.4"]
    analog = {name: layer.analog for name, layer in activity.synapses.items()}
    assert analog == {
        "layers.0": False,
        "layers.2.layer.layers.0": True,
        "layers.3": True,
        "layers.5": False,
    }


def test_a_comparison_of_analog_values_is_binary_again() -> None:
    class Compare(TimeModule):
        def forward(self, x: Tensor) -> Tensor:
            return (x > 0.5).to(x.dtype)

    model = TimeSequential(Rectify(), Compare(), linear())
    with record(model) as activity:
        model(torch.rand(4, 2, 3))
    assert not activity.synapses["layers.2"].analog


def test_a_static_input_passes_once() -> None:
    class Static(Rectify):
        def sequence(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
            return torch.relu(x[0]).expand(x.shape), state

    model = TimeSequential(linear(), Static(), linear())
    with record(model) as activity:
        model(torch.rand(2, 3).expand(4, 2, 3))
    assert activity.macs == 2 * 9


def test_what_an_analog_neuron_multiplies_is_not_lost() -> None:
    model = TimeSequential(Mix(), linear())
    with record(model) as activity:
        model(torch.rand(4, 2, 3))
    assert {name: layer.macs for name, layer in activity.synapses.items()} == {
        "layers.0": 4 * 2 * 9,
        "layers.1": 4 * 2 * 9,
    }
    assert all(layer.analog for layer in activity.synapses.values())


def test_nobody_takes_analog_values_for_spikes() -> None:
    model, seen = TimeSequential(linear(), Rectify(), nn.MaxPool1d(3), nn.Linear(1, 3), Fire()), []
    watch = watch_spikes(model, lambda name, spikes: seen.append(name))
    with (
        count_spikes(model) as total,
        record(model, on_spikes=lambda name, spikes: seen.append(name), raster=2),
    ):
        model(3 * binary(4, 2, 3))
    watch.remove()
    assert set(seen) == {"layers.4"}
    assert total.pools == 0
    with count_spikes(TimeSequential(linear(), Rectify(), nn.MaxPool1d(3))) as total:
        model(3 * binary(4, 2, 3))
    assert total.neurons == 0
