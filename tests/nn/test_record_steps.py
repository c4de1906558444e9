"""At which time step each figure stands: by step, folded, static, used twice, with tensors of any layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snnplug.nn import TimeSequential, fold, record

from .counting import Fire, binary

STEPS, BATCH = 4, 3
X = 2 * binary(STEPS, BATCH, 6)
BY_STEP = [5 * value for value in X.sum((1, 2)).tolist()]  # each spike reaches five outputs


class Calls(nn.Module):
    """Does with its layers what it is told."""

    def __init__(self, call: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.second, self.back = nn.Linear(6, 5), nn.Linear(5, 2), nn.Linear(5, 5)
        self.neuron, self.call = Fire(), call

    def forward(self, x: Tensor) -> Any:
        return self.call(self, x)


def operations(call: Callable[[Any, Tensor], Any], x: Tensor = X, layer: str = "layer") -> list[float]:
    model = Calls(call)
    with torch.no_grad(), record(model) as activity:
        model(x)
    return activity.synapses[layer].operations


def write_into(net: Any, x: Tensor) -> Tensor:
    outputs = x.new_zeros(len(x), x.shape[1], 5)
    for t, step in enumerate(x):
        outputs[t] = net.layer(step)
    return net.second(outputs.flatten(0, 1).gt(0).float())


WAYS: dict[str, Callable[[Any, Tensor], Any]] = {
    "folded": lambda net, x: net.second(fold(net.layer, x).gt(0).float().flatten(0, 1)),
    "unfolded": lambda net, x: net.second(net.layer(x).gt(0).float()),
    "step by step": lambda net, x: [net.second(net.layer(step).gt(0).float()) for step in x],
    "by index": lambda net, x: [net.second(net.layer(x[t]).gt(0).float()) for t in range(len(x))],
    "layer by layer": lambda net, x: [net.second(y.gt(0).float()) for y in [net.layer(step) for step in x]],
    "backwards": lambda net, x: [net.second(net.layer(x[t]).gt(0).float()) for t in (3, 2, 1, 0)],
    "samples first": lambda net, x: net.second(net.layer(x.transpose(0, 1).reshape(-1, 6)).gt(0).float()),
    "copied samples first": lambda net, x: net.second(
        net.layer(x.transpose(0, 1).contiguous()).gt(0).float()
    ),
    "in pieces": lambda net, x: net.second(
        torch.cat([net.layer(piece.flatten(0, 1)) for piece in x.split(3)]).gt(0).float()
    ),
    "stacked": lambda net, x: net.second(torch.stack([net.layer(step) for step in x], 1).gt(0).float()),
    "written into": write_into,
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_through_time_gives_the_same_figures(way: str) -> None:
    assert operations(WAYS[way]) == BY_STEP
    assert operations(WAYS[way], layer="second") == operations(WAYS["folded"], layer="second")


@pytest.mark.parametrize(
    "x",
    [
        X.transpose(0, 1).contiguous().transpose(0, 1),
        torch.cat([X, X + 1], 1)[:, :BATCH],
        torch.cat([X + 1, X, X + 1])[STEPS : 2 * STEPS],
        torch.stack([X, X], -1)[..., 0],
    ],
    ids=["samples first", "some samples", "some steps", "with gaps"],
)
@pytest.mark.parametrize("way", ["folded", "unfolded", "step by step", "samples first"])
def test_an_input_may_lie_in_memory_in_any_way(way: str, x: Tensor) -> None:
    assert torch.equal(x, X)
    assert operations(WAYS[way], x) == BY_STEP


@pytest.mark.parametrize("way", ["folded", "unfolded", "step by step"])
@pytest.mark.parametrize("static", [False, True])
def test_as_many_tokens_as_samples_and_steps(way: str, static: bool) -> None:
    x = 2 * binary(3, 3, 3, 6)
    if static:
        x = x[0].expand(3, 3, 3, 6)
    once = static and way == "folded"
    expected = [5 * value for value in x.sum((1, 2, 3)).tolist()]
    assert operations(WAYS[way], x) == expected[: 1 if once else 3]


def test_a_static_input_step_by_step_is_computed_in_each() -> None:
    x = X[0].expand(STEPS, BATCH, 6)
    assert operations(WAYS["step by step"], x) == [BY_STEP[0]] * STEPS
    assert operations(WAYS["by index"], x) == [BY_STEP[0]] * STEPS
    assert operations(WAYS["folded"], x) == [BY_STEP[0]]


@pytest.mark.parametrize("steps", [2, 3])
@pytest.mark.parametrize("static", [False, True])
def test_a_layer_used_twice_in_a_step(steps: int, static: bool) -> None:
    x = X[0].expand(steps, BATCH, 6) if static else X[:steps]
    twice = [2 * 5 * value for value in x.sum((1, 2)).tolist()]
    assert operations(lambda net, x: [net.layer(s) + net.layer(s) for s in x], x) == twice
    assert operations(lambda net, x: [[net.layer(s) for s in x] for _ in range(2)], x) == twice
    folded = operations(lambda net, x: fold(net.layer, x) + fold(net.layer, x), x)
    assert folded == (twice[:1] if static else twice)  # not taken for two steps


def test_steps_of_a_layer_on_its_neurons_last_spikes() -> None:
    kept: list[Tensor] = []

    def recurrent(net: Any, x: Tensor) -> None:
        spikes = torch.zeros(BATCH, 5)  # no input led to it
        state = net.neuron.initial_state(spikes)
        for step in x:
            spikes, state = net.neuron.step(net.layer(step).abs() + net.back(spikes).abs(), state)
            kept.append(spikes)

    assert operations(recurrent, layer="back") == [0.0, *(5 * float(spikes.sum()) for spikes in kept[:-1])]
    assert sum(map(torch.sum, kept)) > 0


def test_a_current_that_is_computed_once_and_a_loop_longer_than_the_input() -> None:
    def loop(net: Any, x: Tensor) -> list[Tensor]:
        current = net.layer(x[0]).abs()
        state, outputs = net.neuron.initial_state(current), []
        for _ in range(6):
            spikes, state = net.neuron.step(current, state)
            outputs.append(net.second(spikes))
        return outputs

    model = Calls(loop)
    with torch.no_grad(), record(model) as activity:
        model(X[:1])
    spikes = activity.neurons["neuron"].spikes
    assert len(spikes) == 6
    assert activity.synapses["second"].operations == [2 * count for count in spikes]
    assert len(activity.synapses["layer"].events) == 1


def test_two_states_of_one_neuron_are_two_sequences() -> None:
    def both(net: Any, x: Tensor) -> None:
        current = net.layer(x[0]).abs()
        states = [net.neuron.initial_state(current)] * 2
        for _ in range(3):
            for i, state in enumerate(states):
                _, states[i] = net.neuron.step(current, state)

    model = Calls(both)
    with torch.no_grad(), record(model) as activity:
        model(X[:1])
    seen = activity.neurons["neuron"]
    assert len(seen.spikes) == 3
    assert seen.updates == 2 * 3 * BATCH * 5


def test_time_that_is_summed_over_or_mixed() -> None:
    x = binary(3, 3, 6)  # as many samples as steps
    assert operations(lambda net, x: net.layer(x.sum(0)), x) == [5 * float(x.sum())]
    assert operations(lambda net, x: net.layer(x[:2].sum(0, keepdim=True)), x) == [5 * float(x[:2].sum())]
    early = operations(lambda net, x: [net.layer(step) for step in x[:2]], x)
    assert early == [5 * value for value in x[:2].sum((1, 2)).tolist()]

    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.mix = nn.Linear(18, 2), nn.Conv1d(6, 2, 3)

        def forward(self, x: Tensor) -> None:
            self.layer(x.permute(1, 2, 0).flatten(1))
            self.mix(x.permute(1, 2, 0))

    model = Mixed()
    with record(model) as activity:
        model(x)
    assert activity.synapses["layer"].operations == [2 * value for value in x.sum((1, 2)).tolist()]
    assert (
        activity.synapses["mix"].operations == activity.synapses["layer"].operations
    )  # one place for 3 taps


@pytest.mark.parametrize("shape", [(6,), (1, 3, 4)])
def test_a_static_current_repeated_for_all_steps(shape: tuple[int, ...]) -> None:
    x = binary(2, *shape)
    for repeat in (
        lambda y: y.unsqueeze(0).expand(STEPS, *y.shape).clone(),
        lambda y: y.unsqueeze(0).repeat(STEPS, *[1] * y.ndim),
        lambda y: torch.stack([y] * STEPS),
    ):
        model = TimeSequential(nn.Flatten(), nn.LazyLinear(3))
        model(x.expand(STEPS, *x.shape))
        wrapped = nn.ModuleList([model])
        wrapped.forward = lambda y, model=model, repeat=repeat: model(repeat(y[0]))  # type: ignore[method-assign]
        with record(wrapped) as activity:
            wrapped(x.expand(STEPS, *x.shape))
        assert activity.synapses["0.layers.1"].operations == [3 * float(x.sum())] * STEPS
