"""Twelve networks whose figures are known by summing over every pair of a value and a weight."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug import Registry
from snnplug.nn import Activity, SpikingNeuron, TimeSequential, fold, record

from .counting import Fire, binary, by_convolution, by_matrix

STEPS, BATCH = 3, 2


class Network(nn.Module):
    """Keeps what each of its products was given, by the name under which it is counted: `[T, B, *]`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.given: dict[str, list[tuple[Tensor, Any]]] = {}

    def give(self, name: str, x: Tensor, other: Any) -> Tensor:
        self.given.setdefault(name, []).append((x, other))
        return x


def count(x: Tensor, other: Any) -> tuple[float, float]:
    """Return operations and effective ones of a step `[B, *]` with weights `[N, K]` or a convolution."""
    return by_convolution(x, other)[:2] if isinstance(other, nn.Module) else by_matrix(x, other)


def check(network: Network, activity: Activity) -> None:
    """Compare every layer and every time step with the sum over pairs."""
    assert not activity.uncounted
    assert set(activity.synapses) == set(network.given)
    for name, given in network.given.items():
        seen = activity.synapses[name]
        assert not seen.analog
        by_step = [[count(step, other) for step in x] for x, other in given]
        assert seen.operations == [sum(o for o, _ in uses) for uses in zip(*by_step, strict=True)], name
        assert seen.effective == [sum(e for _, e in uses) for uses in zip(*by_step, strict=True)], name
        assert sum(seen.operations) > sum(seen.effective) > 0, name


def prune(weight: Tensor) -> None:
    """Set every third weight to zero."""
    with torch.no_grad():
        weight.view(-1)[::3] = 0


class TiedWeights(Network):
    """The decoder is the transposed encoder, which itself is called too."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.neuron = nn.Linear(6, 4, bias=False), Fire()
        prune(self.encoder.weight)

    def forward(self, x: Tensor) -> Tensor:
        code = self.neuron(fold(self.encoder, self.give("encoder", x, self.encoder.weight)).abs() * 3)
        weight = self.encoder.weight.t()
        return F.linear(self.give("encoder", code, weight), weight)


class SharedStem(Network):
    """One convolution on the same input twice a step."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.neuron, self.head = nn.Conv2d(1, 3, 3, padding=1), Fire(), nn.Linear(48, 2)
        prune(self.stem.weight)
        prune(self.head.weight)

    def forward(self, x: Tensor) -> Tensor:
        state, outputs, kept = None, [], []
        for image in x:
            current = (self.stem(image) + self.stem(image)).abs() * 2
            state = self.neuron.initial_state(current) if state is None else state
            spikes, state = self.neuron.step(current, state)
            kept.append(spikes.flatten(1))
            outputs.append(self.head(spikes.flatten(1)))
        for _ in range(2):
            self.give("stem", x, self.stem)
        self.give("head", torch.stack(kept), self.head.weight)
        return torch.stack(outputs)


class Siamese(Network):
    """Two inputs pass the same layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.neuron, self.head = nn.Linear(6, 5), Fire(), nn.Linear(5, 3)
        prune(self.layer.weight)
        prune(self.head.weight)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        outputs = []
        for x in (one, other):
            spikes = self.neuron(fold(self.layer, self.give("layer", x, self.layer.weight)).abs() * 2)
            outputs.append(fold(self.head, self.give("head", spikes, self.head.weight)))
        return outputs[0] - outputs[1]


class FunctionalCalls(Network):
    """Weights without a layer that is called: of another layer, of the network, or a plain tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.convolution = nn.Linear(16, 4), nn.Conv2d(1, 2, 3)
        self.own = nn.Parameter(torch.randn(16, 5))
        self.tensors = torch.randn(BATCH, 16, 3)
        for weight in (self.dense.weight, self.convolution.weight, self.own, self.tensors):
            prune(weight)

    def forward(self, x: Tensor) -> Tensor:
        flat = self.give("dense", x, self.dense.weight).flatten(0, 1)
        one = F.linear(flat, self.dense.weight)
        two = F.conv2d(flat.view(-1, 1, 4, 4), self.convolution.weight, stride=2, padding=1)
        layer = nn.Conv2d(1, 2, 3, stride=2, padding=1)
        layer.weight = self.convolution.weight
        self.give("convolution", x.view(STEPS, BATCH, 1, 4, 4), layer)
        three = torch.einsum("tbi,io->tbo", self.give("own", x, self.own.t()), self.own)
        # each sample has weights of its own
        four = torch.bmm(x.transpose(0, 1), self.tensors)
        per_sample = torch.zeros(3 * BATCH, 16 * BATCH)
        for i, weight in enumerate(self.tensors):
            per_sample[3 * i : 3 * i + 3, 16 * i : 16 * i + 16] = weight.t()
        self.samples = per_sample
        return one.sum() + two.sum() + three.sum() + four.sum()


class Attention(Network):
    """Two products of spikes."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(4, 4, bias=False) for _ in range(3))
        self.neurons = nn.ModuleList(Fire() for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            neuron(fold(layer, x).abs() * 2)
            for layer, neuron in zip((self.q, self.k, self.v), self.neurons, strict=True)
        )
        self.spikes = q, k
        return (q @ k.transpose(-1, -2)) @ v


class RecurrentState(NamedTuple):
    v: Tensor
    spikes: Tensor


class Recurrent(SpikingNeuron):
    """Its own spikes come back through weights."""

    def __init__(self, neurons: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(neurons, neurons))
        prune(self.weight)

    def initial_state(self, x: Tensor) -> RecurrentState:
        return RecurrentState(torch.zeros_like(x), torch.zeros_like(x))

    def step(self, x: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
        v = state.v / 2 + x + F.linear(state.spikes, self.weight)
        spikes = (v >= 1).to(x.dtype)
        return spikes, RecurrentState(v - spikes, spikes)


class Layer(Network):
    """One layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        prune(layer.weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return fold(self.layer, self.give("layer", x, self.layer))


@pytest.mark.parametrize("grad", [False, True], ids=("no_grad", "grad"))
@pytest.mark.parametrize("build", [TiedWeights, SharedStem, Siamese])
def test_layers_that_are_used_twice(build: type[Network], grad: bool) -> None:
    shapes = {TiedWeights: [(6,)], SharedStem: [(1, 4, 4)], Siamese: [(6,), (6,)]}[build]
    network = build()
    inputs = [binary(STEPS, BATCH, *shape, seed=i) for i, shape in enumerate(shapes)]
    with torch.set_grad_enabled(grad), record(network) as activity:
        network(*inputs)
    check(network, activity)


def test_an_analog_and_a_spiking_use_of_one_layer_stand_apart() -> None:
    network, x = TiedWeights(), torch.rand(STEPS, BATCH, 6)
    with record(network) as activity:
        network(x)
    (_, (code, weight)) = network.given["encoder"]
    assert activity.macs == STEPS * 6 * 4
    assert activity.synaptic_operations * BATCH == by_matrix(code, weight)[0] > 0
    assert activity.synapses["encoder (analog)"].analog
    assert not activity.synapses["encoder"].analog


def test_functional_calls() -> None:
    network, x = FunctionalCalls(), binary(STEPS, BATCH, 16)
    with record(network) as activity:
        network(x)
    product = activity.synapses.pop("(bmm)")
    check(network, activity)
    rows = [step.flatten()[None] for step in x]
    diagonal = [(by_matrix(step, torch.ones(3, 16))[0], row) for step, row in zip(x, rows, strict=True)]
    assert product.operations == [operations for operations, _ in diagonal]
    assert product.effective == [by_matrix(row, network.samples)[1] for _, row in diagonal]


def test_attention() -> None:
    network, x = Attention(), binary(STEPS, BATCH, 5, 4)
    with record(network) as activity:
        network(x)
    q, k = network.spikes
    product = activity.synapses["(bmm)"]
    assert not activity.uncounted
    for t in range(STEPS):
        expected = 0.0
        for sample in range(BATCH):
            scores = torch.zeros(5, 5)
            for i in range(5):
                for j in range(5):
                    for d in range(4):
                        expected += float(q[t, sample, i, d])  # to the score of token j
                        scores[i, j] += q[t, sample, i, d] * k[t, sample, j, d]
            for i in range(5):
                for j in range(5):
                    for _ in range(4):
                        expected += bool(scores[i, j])  # to each feature of v
        assert product.operations[t] == expected
    assert sum(product.operations) > 0
    assert product.macs == 2 * STEPS * BATCH * 5 * 5 * 4


def test_weights_inside_a_neuron() -> None:
    network = TimeSequential(nn.Linear(6, 4), Recurrent(4), nn.Linear(4, 2))
    x = binary(STEPS, BATCH, 6)
    neuron: Any = network.layers[1]
    with record(network) as activity:
        network(x)
        spikes = neuron(fold(network.layers[0], x))
    counted = [by_matrix(step, neuron.weight) for step in spikes[:-1]]
    seen = activity.neurons["layers.1"]
    assert seen.operations == sum(operations for operations, _ in counted) > 0
    assert seen.effective == sum(effective for _, effective in counted) < seen.operations
    assert activity.neuron_operations == seen.operations / BATCH
    outside = by_matrix(x, network.layers[0].weight)[0] + by_matrix(spikes, network.layers[2].weight)[0]
    assert activity.synaptic_operations * BATCH == outside
    assert not activity.uncounted


@pytest.mark.parametrize(
    ("name", "macs"),
    [("psn", STEPS * STEPS), ("masked_psn", STEPS * STEPS), ("sliding_psn", 4 * STEPS)],
)
def test_parallel_spiking_neurons(name: str, macs: int) -> None:
    neuron = Registry.from_installed(quiet=True).create("neuron", name)
    network, x = TimeSequential(nn.Linear(6, 5), neuron, nn.Linear(5, 2)), torch.rand(STEPS, BATCH, 6)
    network(x)
    for _ in range(2):  # what is known of a neuron from its first call is not forgotten in the second
        with record(network) as activity:
            network(x)
        assert activity.neurons["layers.1"].macs == macs * BATCH * 5
        assert activity.neuron_macs == macs * 5
        assert activity.macs == STEPS * 6 * 5
        assert not activity.uncounted


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(4, 6, 3, groups=2, padding=1), (4, 4, 5)),
        (nn.Conv2d(4, 4, 3, groups=4), (4, 4, 4)),
        (nn.Conv2d(2, 3, (2, 3), dilation=(2, 1), stride=(1, 2), padding=(2, 1)), (2, 5, 6)),
        (nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), (2, 3, 4)),
        (nn.ConvTranspose2d(4, 2, (3, 2), groups=2, dilation=(2, 1)), (4, 3, 3)),
        (nn.ConvTranspose1d(2, 3, 4, stride=3, padding=2), (2, 5)),
        (nn.ConvTranspose3d(1, 2, 2, stride=2), (1, 2, 2, 2)),
        (nn.Conv1d(3, 4, 3, padding=2, dilation=2), (3, 6)),
        (nn.Conv3d(2, 2, (2, 3, 2), padding=(1, 1, 0)), (2, 3, 4, 3)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_convolutions(layer: nn.Module, shape: tuple[int, ...]) -> None:
    network, x = Layer(layer), binary(STEPS, BATCH, *shape)
    with record(network) as activity:
        network(x)
    check(network, activity)
    assert activity.synapses["layer"].macs == STEPS * by_convolution(x[0], layer)[2]
