"""Values that a neuron sends and that stand for spikes, whole or not, on their way to the next layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snnplug.nn import Dropout, MembraneState, SpikeCounts, SpikingNeuron, TimeSequential, fold, record

from .counting import by_convolution, by_matrix

VALUES = torch.tensor([0.0, 0.25, 0.75, 1.0, 1.75, 3.0])
COUNTS = torch.tensor([0.0, 1.0, 1.0, 1.0, 2.0, 2.0])


class Coded(SpikingNeuron):
    """Sends the greatest value of a code below its input; a value stands for no, one or two spikes."""

    windowed = True
    graded = True

    def sequence(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return VALUES[torch.searchsorted(VALUES, x.clamp(min=0), right=True) - 1], state

    def spike_counts(self, spikes: Tensor) -> Tensor:
        return COUNTS[torch.searchsorted(VALUES, spikes)]


class Graded(SpikingNeuron):
    """Sends its input."""

    graded = True

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return x, state


class Undeclared(Graded):
    graded = False


X = 3.5 * torch.rand(2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(0))


def counts_of(x: Tensor) -> Tensor:
    return COUNTS[torch.searchsorted(VALUES, Coded()(x))]


def seen(model: nn.Module, x: Tensor = X) -> Any:
    with torch.no_grad(), record(model.eval()) as activity:
        model(x)
    assert not activity.uncounted
    return activity


def test_a_neuron_says_for_how_many_spikes_its_values_stand() -> None:
    convolution = nn.Conv2d(2, 3, 3, padding=1)
    activity = seen(TimeSequential(Coded(), convolution))
    spikes = counts_of(X)
    assert isinstance(Coded(), SpikeCounts)
    assert not isinstance(Graded(), SpikeCounts)
    assert activity.neurons["layers.0"].spikes == spikes.sum((1, 2, 3, 4)).tolist()
    layer = activity.synapses["layers.1"]
    assert not layer.analog
    assert activity.macs == 0
    assert layer.operations == [by_convolution(step, convolution)[0] for step in spikes]
    assert layer.events == spikes.count_nonzero((1, 2, 3, 4)).tolist()


def test_decoded_values_stay_spikes_where_they_are_moved_selected_or_scaled() -> None:
    linear = nn.Linear(8, 3)

    class Moves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.neuron, self.pool, self.linear = Coded(), nn.MaxPool2d(2), linear

        def forward(self, x: Tensor) -> Tensor:
            y = fold(self.pool, self.neuron(x))
            y = y.transpose(0, 1).contiguous().transpose(0, 1).to(torch.float64).to(torch.float32)
            y = torch.cat([y[:, :1], y[:, 1:]], 1)
            y = torch.stack([step * 0.5 for step in y])[:, [2, 0, 1]]
            return self.linear(y.flatten(2).reshape(-1, 8))

    activity = seen(Moves())
    values, spikes = Coded()(X), counts_of(X)
    pooled, chosen = nn.functional.max_pool2d(values.flatten(0, 1), 2, return_indices=True)
    kept = spikes.flatten(0, 1).flatten(2).gather(2, chosen.flatten(2)).view(2, -1, 8)
    assert (pooled % 1).any()
    assert activity.synapses["linear"].operations == [by_matrix(step, linear.weight)[0] for step in kept]
    assert activity.macs == 0


@pytest.mark.parametrize(
    "pool",
    [nn.AvgPool2d(2), nn.AvgPool2d(3, 2, 1), nn.AdaptiveAvgPool2d(2), nn.AvgPool2d(2, divisor_override=3)],
    ids=repr,
)
def test_every_spike_of_an_average_goes_on(pool: nn.Module) -> None:
    convolution = nn.Conv2d(2, 3, 1)
    layer = seen(TimeSequential(Coded(), pool, convolution)).synapses["layers.2"]
    kernel, stride, padding = (
        getattr(pool, k, v) for k, v in (("kernel_size", 2), ("stride", 2), ("padding", 0))
    )
    spikes = counts_of(X)
    ones = torch.ones(2, 1, kernel, kernel)
    arrived = nn.functional.conv2d(spikes.flatten(0, 1), ones, stride=stride, padding=padding, groups=2)
    assert not layer.analog
    assert layer.operations == (3 * arrived.view(len(X), -1).sum(1)).tolist()


def test_sums_of_decoded_values_hand_on_the_spikes_of_both() -> None:
    linear = nn.Linear(32, 3)

    class Sums(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.linear = Coded(), Coded(), linear

        def forward(self, x: Tensor) -> Tensor:
            return self.linear((self.one(x) + self.two(0.3 * x)).flatten(2))

    layer = seen(Sums()).synapses["linear"]
    both = counts_of(X) + counts_of(0.3 * X)
    assert layer.operations == [by_matrix(step.flatten(1), linear.weight)[0] for step in both]


def test_what_mixes_decoded_values_otherwise_is_analog() -> None:
    class Mixes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.neuron, self.linear = Coded(), nn.Linear(32, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(self.neuron(x).sigmoid().flatten(2))

    assert seen(Mixes()).synapses["linear"].analog


def test_by_step_and_pruned() -> None:
    linear = nn.Linear(4, 3)
    with torch.no_grad():
        linear.weight[:, 1] = 0

    class ByStep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.neuron, self.linear = Graded(), linear

        def forward(self, x: Tensor) -> Tensor:
            state = self.neuron.initial_state(x[0])
            return torch.stack([self.linear(self.neuron.step(step, state)[0]) for step in x])

    x = torch.tensor([[[0.5, 2.0, 0.0, 1.5]], [[0.0, 0.25, 3.0, 0.0]]])
    steps, whole = seen(ByStep(), x), seen(TimeSequential(Graded(), linear), x)
    layer = steps.synapses["linear"]
    # a value that is no whole number is one spike, a whole one as many as it says
    assert layer.operations == whole.synapses["layers.1"].operations == [3 * 4, 3 * 4]
    assert layer.effective == [3 * 2, 3 * 3]
    assert layer.events == [3, 2]
    assert steps.neurons["neuron"].spikes == [3, 2]


@pytest.mark.parametrize("window", [True, False])
def test_one_pass_in_the_value_domain(window: bool) -> None:
    x = X[:1] if not window else X
    activity = seen(TimeSequential(Coded(), Dropout(0.5), nn.Flatten(), nn.Linear(32, 5), Coded()), x)
    assert len(activity.synapses["layers.3"].operations) == len(x)
    assert activity.synaptic_operations == 5 * float(counts_of(x).sum()) / 3


def test_a_plain_tensor_is_judged_by_its_values() -> None:
    for x, analog in ((torch.tensor([[[2.0, 0.0, 3.0]]]), False), (torch.tensor([[[2.0, 0.5, 0.0]]]), True)):
        activity = seen(TimeSequential(nn.Linear(3, 2)), x)
        assert activity.synapses["layers.0"].analog is analog
        activity = seen(TimeSequential(Undeclared(), nn.Linear(3, 2)), x)  # nor is a neuron believed
        assert activity.synapses["layers.1"].analog is analog
