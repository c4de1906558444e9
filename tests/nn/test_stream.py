"""Networks run step by step, with their state handed in and out."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn import (
    Dropout,
    SpikingNeuron,
    StatefulModule,
    StepwiseBatchNorm2d,
    StreamState,
    TimeModule,
    TimeSequential,
    continue_stream,
    current_pass,
    fold,
    spike,
    start_stream,
    step_stream,
    steps_before,
)
from snnplug.nn.neuron import MembraneState


class Leaky(SpikingNeuron):
    """Charges and fires, without a library."""

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        v = 0.5 * state.v + x
        s = spike(v - 1, "atan", 2.0)
        return s, MembraneState(v - s)


class Window(SpikingNeuron):
    windowed = True

    def sequence(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return (x.cumsum(0) > 1).to(x.dtype), state


class Echo(StatefulModule):
    """Adds half of the step before."""

    def initial_state(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def sequence(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return x + torch.cat([state[None], x[:-1]]) / 2, x[-1]


class Counts(TimeModule):
    """Adds the number of the step."""

    def forward(self, x: Tensor) -> Tensor:
        first = steps_before()
        return x + torch.arange(first, first + len(x)).view(-1, *[1] * (x.ndim - 1))


class Twice(TimeModule):
    """Calls one neuron twice in a step."""

    def __init__(self) -> None:
        super().__init__()
        self.neuron = Leaky()

    def forward(self, x: Tensor) -> Tensor:
        return self.neuron(2 * self.neuron(x) + x)


class OwnLoop(TimeModule):
    """Keeps the state of its neuron to itself."""

    def __init__(self) -> None:
        super().__init__()
        self.neuron = Leaky()

    def forward(self, x: Tensor) -> Tensor:
        state, sent = self.neuron.initial_state(x[0]), []
        for current in x:
            spikes, state = self.neuron.step(current, state)
            sent.append(spikes)
        return torch.stack(sent)


class Plain(nn.Module):
    """A network of somebody else's, that knows nothing of streams."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.neuron = nn.Conv2d(1, 3, 3), Leaky()
        self.rest = TimeSequential(nn.Flatten(), nn.Linear(12, 2), Leaky(), Echo(), Counts())

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.neuron(fold(self.conv, x)))


def values(*shape: int) -> Tensor:
    return 3 * torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def plain() -> Plain:
    torch.manual_seed(0)
    return Plain().double().eval()


def run(network: nn.Module, x: Tensor) -> tuple[Tensor, StreamState]:
    state, outputs = start_stream(network, x[0]), []
    for x_t in x:
        y, state = step_stream(network, x_t, state)
        outputs.append(y)
    return torch.stack(outputs), state


def test_any_module_runs_step_by_step() -> None:
    network, x = plain(), values(6, 2, 1, 4, 4)
    outputs, state = run(network, x)
    assert torch.equal(outputs, network(x))
    assert outputs.var() > 0
    assert (state.t, set(state)) == (6, {"neuron", "rest.layers.2", "rest.layers.3"})
    assert isinstance(state["neuron"], MembraneState)


@pytest.mark.parametrize("lengths", [(6,), (1, 5), (2, 3, 1)])
def test_chunks_of_any_length_are_the_whole(lengths: tuple[int, ...]) -> None:
    network, x = plain(), values(6, 2, 1, 4, 4)
    state, outputs = start_stream(network, x[0]), []
    for chunk in torch.split(x, lengths):
        y, state = continue_stream(network, chunk, state)
        outputs.append(y)
    assert torch.equal(torch.cat(outputs), network(x))


def test_a_time_module_has_the_three_methods() -> None:
    network, x = TimeSequential(nn.Linear(4, 3), Leaky(), Twice()).double(), values(5, 2, 4)
    state = network.initial_state(x[0])
    first, state = network.step(x[0], state)
    rest, state = network.sequence(x[1:], state)
    assert torch.equal(torch.cat([first[None], rest]), network(x))
    assert set(state) == {"layers.1", "layers.2.neuron", "layers.2.neuron#2"}


def test_nothing_is_left_in_the_network() -> None:
    network, x = plain(), values(6, 2, 1, 4, 4)
    before = network(x)
    start = start_stream(network, x[0])
    one = step_stream(network, x[0], start)
    assert torch.equal(step_stream(network, x[0], start)[0], one[0])  # one state, one answer
    assert torch.equal(network(x), before)
    assert len(start) == 0
    assert current_pass() is None
    assert "step" not in vars(network.neuron)


def test_streams_may_alternate() -> None:
    network, x = plain(), values(6, 2, 1, 4, 4)
    other = x.flip(1)
    states = [start_stream(network, x[0])] * 2
    outputs: list[list[Tensor]] = [[], []]
    for t in range(6):
        for i, each in enumerate((x, other)):
            y, states[i] = step_stream(network, each[t], states[i])
            outputs[i].append(y)
    assert torch.equal(torch.stack(outputs[0]), network(x))
    assert torch.equal(torch.stack(outputs[1]), network(other))


def test_threads_may_share_a_network() -> None:
    network, inputs = plain(), [values(6, 2, 1, 4, 4).roll(i, 0) for i in range(8)]
    expected = [network(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda x: run(network, x)[0], inputs))
    assert all(map(torch.equal, found, expected))
    assert "step" not in vars(network.neuron)


def test_a_state_travels() -> None:
    network, x = plain(), values(6, 2, 1, 4, 4)
    _, state = continue_stream(network, x[:3], start_stream(network, x[0]))
    there = pickle.loads(pickle.dumps(state))
    assert torch.equal(continue_stream(network, x[3:], there)[0], network(x)[3:])
    assert there["neuron"].v.dtype == torch.float64
    assert state.to("meta")["neuron"].v.device.type == "meta"
    assert state["neuron"].v.requires_grad
    assert not state.detach()["neuron"].v.requires_grad


def test_gradients_flow_through_the_state() -> None:
    network, x = plain(), values(6, 2, 1, 4, 4)
    found = []
    for outputs in (network(x), run(network, x)[0]):
        network.zero_grad()
        outputs.square().sum().backward()
        found.append([p.grad for p in network.parameters()])
    assert all(gradient is not None and gradient.any() for gradient in found[0])
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-14)


def test_dropout_keeps_its_mask() -> None:
    network = TimeSequential(Dropout(0.5), nn.Linear(8, 8), Leaky(), Dropout(0.5)).double().train()
    x = values(5, 3, 8)
    torch.manual_seed(2)
    whole = network(x)
    torch.manual_seed(2)
    outputs, state = run(network, x)
    assert torch.equal(outputs, whole)
    assert set(state) == {"layers.0", "layers.2", "layers.3"}
    assert set(run(network.eval(), x)[1]) == {"layers.2"}


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_of_each_step(training: bool) -> None:
    x = values(5, 3, 2, 4, 4)
    norms = [TimeSequential(StepwiseBatchNorm2d(2, steps=5), Leaky()).double() for _ in range(2)]
    for norm in norms:
        norm(x)  # statistics that differ from step to step
        norm.train(training)
    outputs = [norms[0](x), run(norms[1], x)[0]]
    assert torch.equal(*outputs)
    for one, other in zip(norms[0].buffers(), norms[1].buffers(), strict=True):
        assert torch.equal(one, other)


@torch.no_grad()
def test_a_compiled_network_has_the_same_names() -> None:
    network, x = plain(), values(4, 2, 1, 4, 4)
    whole = network(x)
    network.rest = torch.compile(network.rest, backend="eager")
    outputs, state = run(network, x)
    assert torch.equal(outputs, whole)
    assert set(state) == {"neuron", "rest.layers.2", "rest.layers.3"}


@torch.no_grad()
def test_a_step_can_be_compiled() -> None:
    network, x = TimeSequential(nn.Linear(4, 3), Leaky(), nn.Linear(3, 2)).double(), values(5, 2, 4)
    step, state = torch.compile(network.step, backend="eager"), network.initial_state(x[0])
    outputs = []
    for x_t in x:
        y, state = step(x_t, state)
        outputs.append(y)
    assert torch.equal(torch.stack(outputs), network(x))


# refused


def test_a_windowed_neuron_is_named() -> None:
    network = TimeSequential(nn.Linear(4, 3), Leaky(), TimeSequential(Window()), Window())
    words = (
        r"^the network cannot run step by step: layers.2.layers.0 and 1 more \(Window\) needs the whole "
        r"window of steps; run it on whole sequences \[T, B, ...\], or build it with a causal neuron"
    )
    with pytest.raises(ContractError, match=words):
        network.initial_state(torch.zeros(2, 4))


def test_a_loop_that_hides_its_state_is_named() -> None:
    network = TimeSequential(nn.Linear(4, 3), OwnLoop())
    words = (
        r"it runs layers.1.neuron \(Leaky\) in a loop of its own .* make the module with that loop a snnplug"
    )
    with pytest.raises(ContractError, match=words):
        run(network, torch.zeros(3, 2, 4))
    assert "step" not in vars(network.layers[1].neuron)
    assert current_pass() is None


def test_inputs_of_another_shape_are_refused() -> None:
    network = TimeSequential(nn.Linear(4, 3), Leaky())
    state = network.initial_state(torch.zeros(2, 4))
    words = r"the stream began with inputs \[2, 4\] of a step, got \[3, 4\]; begin another one"
    with pytest.raises(ContractError, match=words):
        network.step(torch.zeros(3, 4), state)


@pytest.mark.parametrize("method", ["initial_state", "sequence"])
def test_a_part_that_writes_too_little_is_named(method: str) -> None:
    class Half(Echo):
        pass

    setattr(Half, method, getattr(StatefulModule, method))
    with pytest.raises(NotImplementedError, match=f"^Half must define {method}$"):
        run(TimeSequential(Half()), torch.zeros(3, 2, 4))
