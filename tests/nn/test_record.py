from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from snnplug.nn import (
    MembraneState,
    SpikingNeuron,
    TimeModule,
    TimeSequential,
    fold,
    record,
)
from snnplug.nn.fan_out import fan_out

from .counting import Fire, binary


class Around(SpikingNeuron):
    """A neuron that consists of another one."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Fire()
        self.gain = nn.Parameter(torch.ones(1))

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return self.base.step(x * self.gain, state)


class Window(SpikingNeuron):
    """Emits graded spikes over the whole window."""

    windowed = True
    graded = True

    def sequence(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return x.clamp(min=0).round(), state


class StepByStep(TimeModule):
    """Runs the layers of a sequence one time step after the other."""

    def __init__(self, layers: TimeSequential) -> None:
        super().__init__()
        self.layers = layers.layers

    def forward(self, x: Tensor) -> Tensor:
        states: dict[int, object] = {}
        outputs = []
        for value in x.unbind(0):
            for i, layer in enumerate(self.layers):
                if isinstance(layer, SpikingNeuron):
                    if i not in states:
                        states[i] = layer.initial_state(value)
                    value, states[i] = layer.step(value, states[i])
                else:
                    value = layer(value)
            outputs.append(value)
        return torch.stack(outputs)


def network() -> TimeSequential:
    torch.manual_seed(0)
    return TimeSequential(
        nn.Conv2d(2, 4, 3, padding=1),
        Fire(),
        nn.Conv2d(4, 3, 3, stride=2),
        Fire(),
        nn.Flatten(),
        nn.Linear(12, 5),
    )


def test_a_linear_layer_counts_its_outputs() -> None:
    model = TimeSequential(nn.Linear(4, 3))
    x = torch.tensor([[[1.0, 0, 0, 1]], [[0, 0, 0, 0]], [[1, 1, 1, 1]]])
    with record(model) as activity:
        model(x)
    (seen,) = activity.synapses.values()
    assert seen.operations == [6, 0, 12]
    assert activity.synaptic_operations == 18
    assert activity.macs == 0
    assert activity.dense_macs == 36


class Unfolded(nn.Module):
    """A linear layer applied to the whole sequence at once."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


@pytest.mark.parametrize(("steps", "batch"), [(3, 1), (7, 3), (2, 4), (4, 2), (3, 3)])
def test_a_linear_layer_on_the_unfolded_sequence(steps: int, batch: int) -> None:
    model, x = Unfolded(), binary(steps, batch, 4)
    with record(model) as activity:
        model(x)
    assert activity.synapses["layer"].operations == (3 * x.sum((1, 2))).tolist()


def test_step_mode_equals_sequence_mode() -> None:
    model, x = network(), torch.rand(4, 3, 2, 6, 6, generator=torch.Generator().manual_seed(1))
    stepwise = StepByStep(model)
    with record(model) as whole:
        expected = model(x)
    with record(stepwise) as steps:
        torch.testing.assert_close(stepwise(x), expected)
    assert whole.synapses == steps.synapses
    assert whole.neurons == steps.neurons
    assert len(steps.synapses["layers.2"].operations) == 4
    assert whole.synaptic_operations > 0


def test_a_static_stem_is_counted_once() -> None:
    model = network()
    image = torch.rand(3, 2, 6, 6, generator=torch.Generator().manual_seed(1))
    with record(model) as static:
        model(image.expand(4, *image.shape))
    with record(model) as repeated:
        model(image.repeat(4, 1, 1, 1, 1))
    dense = float(fan_out(model.layers[0], (2, 6, 6)).expand(2, 6, 6).sum())
    assert static.macs == dense
    assert repeated.macs == 4 * dense
    assert static.synaptic_operations == repeated.synaptic_operations > 0
    assert list(static.neurons.values()) == list(repeated.neurons.values())


def test_batches_accumulate() -> None:
    model, x = network(), torch.rand(4, 6, 2, 6, 6, generator=torch.Generator().manual_seed(2))
    with record(model) as one:
        model(x)
    with record(model) as two:
        model(x[:, :2])
        model(x[:, 2:])
    assert one.samples == two.samples == 6
    assert one.steps == two.latency_steps == 4
    assert one.synapses == two.synapses
    assert one.neurons == two.neurons


def test_an_empty_recording_is_zero() -> None:
    with record(network()) as activity:
        pass
    assert activity.spikes_per_sample == activity.macs == activity.synaptic_operations == 0


def test_a_layer_used_twice_keeps_its_time_axis() -> None:
    layer = nn.Linear(4, 4)
    model = TimeSequential(layer, Fire(), layer)
    x = binary(3, 2, 4)
    spikes = model.layers[1](fold(layer, x))
    with record(model) as activity:
        model(x)
    (seen,) = activity.synapses.values()  # shared, and seen once under its first name
    assert len(seen.events) == 3
    assert seen.events == (x.count_nonzero((1, 2)) + spikes.count_nonzero((1, 2))).tolist()


def test_neurons_inside_neurons_are_counted_once() -> None:
    x = torch.full((3, 2, 5), 0.6)
    for model in (TimeSequential(Around()), StepByStep(TimeSequential(Around()))):
        with record(model) as activity:
            output = model(x)
        (seen,) = activity.neurons.values()
        assert sum(seen.spikes) == float(output.sum())
        assert (seen.size, seen.updates) == (5, 30)
        assert not activity.uncounted


def test_a_recorder_around_a_recorder() -> None:
    model, x = StepByStep(TimeSequential(Fire())), torch.full((3, 2, 5), 0.6)
    with record(model) as outer:
        with record(model) as inner:
            model(x)
        model(x)
    assert "step" not in vars(model.layers[0])
    assert inner.samples == 2
    assert outer.samples == 4
    assert outer.spikes_per_sample == inner.spikes_per_sample == 5.0


def test_nothing_remains_after_an_error() -> None:
    model = network()
    with pytest.raises(RuntimeError, match="stop"), record(model):
        raise RuntimeError("stop")
    for part in model.modules():
        assert not part._forward_hooks
        assert not part._forward_pre_hooks
        assert "step" not in vars(part)


def test_graded_spikes_are_counted_whatever_their_value() -> None:
    model = TimeSequential(Window(), nn.Linear(3, 2))
    with record(model) as activity:
        model(torch.tensor([[[0.0, 2.0, 3.0]], [[0.0, 0.0, 5.0]]]))
    assert activity.neurons["layers.0"].spikes == [2, 1]
    assert activity.neurons["layers.0"].graded
    assert activity.synapses["layers.1"].operations == [10, 10]  # a value of 2 is two spikes on one line


def test_rates_and_spikes_by_hand() -> None:
    model = TimeSequential(Fire())
    x = torch.tensor([0.5, 1.0]).expand(4, 1, 2)  # fires at steps 2 and 4, and at every step
    with record(model) as activity:
        model(x)
    (seen,) = activity.neurons.values()
    assert seen.spikes == [1, 2, 1, 2]
    assert activity.rate("layers.0") == 0.75
    assert activity.spikes_per_sample == 6
    assert activity.neuron_updates == 8


def test_on_spikes_sees_every_layer_through_forward_and_step() -> None:
    model, x = network(), torch.rand(4, 3, 2, 6, 6, generator=torch.Generator().manual_seed(1))
    whole: dict[str, list[Tensor]] = {}
    steps: dict[str, list[Tensor]] = {}
    with record(model, on_spikes=lambda name, s: whole.setdefault(name, []).append(s)):
        model(x)
    stepwise = StepByStep(model)
    with record(stepwise, on_spikes=lambda name, s: steps.setdefault(name, []).append(s)):
        stepwise(x)
    assert {name: [tuple(s.shape[:2]) for s in seen] for name, seen in whole.items()} == {
        "layers.1": [(4, 3)],
        "layers.3": [(4, 3)],
    }
    for name, seen in whole.items():
        assert len(steps[name]) == 4
        assert torch.equal(torch.cat(steps[name]), seen[0])
        assert not seen[0].requires_grad


def test_the_raster_shows_the_first_sample_alone() -> None:
    model = TimeSequential(Fire())
    x = torch.tensor([[0.5, 1.0, 0.0], [1.0, 1.0, 1.0]]).expand(2, 2, 3)
    with record(model, raster=2) as activity:
        model(x)
        model(x)
    (seen,) = activity.neurons.values()
    assert seen.raster == [[0, 1], [1, 1]]


def test_a_lazy_layer_is_counted_with_its_final_shape() -> None:
    model = TimeSequential(nn.LazyLinear(3))
    with record(model) as activity:
        model(binary(2, 1, 5))
    assert activity.synapses["layers.0"].parameters == 18


def test_recording_changes_no_output_and_no_gradient() -> None:
    def run(recorded: bool) -> list[Tensor]:
        model, x = network(), torch.rand(4, 3, 2, 6, 6, generator=torch.Generator().manual_seed(1))
        if recorded:
            with record(model, raster=3):
                model(x).square().sum().backward()
        else:
            model(x).square().sum().backward()
        return [p.grad for p in model.parameters() if p.grad is not None]

    for one, other in zip(run(True), run(False), strict=True):
        assert torch.equal(one, other)


def test_one_neuron_a_sample_without_further_axes() -> None:
    neuron = Fire()
    with record(neuron) as activity:
        spikes = neuron(torch.full((6, 2), 1.5))
    assert spikes.shape == (6, 2)
    assert activity.spikes_per_sample == float(spikes.sum()) / 2 > 0
