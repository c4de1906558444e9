"""Calibrating an SNN from its ANN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn import Code, MembraneState, SpikingNeuron, State, TimeSequential, WindowNeuron, calibrate
from snnplug.nn.conversion.sample import Sample


class ReLU(SpikingNeuron):
    analog = True

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return x.relu(), state


class Uniform(WindowNeuron):
    """Eight levels up to the greatest sample of a layer."""

    def __init__(self) -> None:
        super().__init__(slots=1)
        self.top = nn.Parameter(torch.tensor(0.1))

    def code(self) -> Code:
        levels = self.top * torch.arange(9) / 8
        return Code(levels.detach()[1:], levels.unsqueeze(-1))

    def start(self, samples: Tensor) -> None:
        self.seen = samples
        with torch.no_grad():
            self.top.copy_(samples.amax())


class Clocked(SpikingNeuron):
    """Keeps what it is given; sends half of its scale."""

    sequential = True

    def __init__(self) -> None:
        super().__init__()
        self.scale = 1.0

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return 0.5 * self.scale * x, state

    def start(self, samples: Tensor, received: Tensor) -> None:
        self.samples, self.received = samples, received
        self.scale = 3.0


class Plain(SpikingNeuron):
    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, State]:
        return (x > 0).to(x.dtype), state


def network(neuron: Callable[[], nn.Module]) -> TimeSequential:
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(2, 3, 3, bias=False),
        neuron(),
        nn.Conv2d(3, 4, 3, bias=False),
        neuron(),
        nn.Flatten(),
    ]
    return TimeSequential(*layers, nn.Linear(64, 5, bias=False)).double()


def part(model: TimeSequential, place: int) -> Any:
    return model.layers[place]


X = torch.rand(1, 12, 2, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def currents(model: TimeSequential, place: int, x: Tensor = X) -> Tensor:
    with torch.no_grad():
        for layer in list(model.layers)[:place]:
            x = (
                layer(x)
                if isinstance(layer, SpikingNeuron)
                else layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            )
    return x


def test_a_sample_does_not_depend_on_batches() -> None:
    rows = torch.arange(1000).unsqueeze(1)
    for sizes in ([1000], [1] * 50 + [950], [400, 1, 599]):
        sample = Sample(37, seed=5)
        for some in torch.split(rows, sizes):
            sample.add(some)
        if sizes == [1000]:
            first = sample.rows
        assert torch.equal(sample.rows, first)
    assert len(set(first.flatten().tolist())) == 37
    few = Sample(5000)
    few.add(rows)
    assert sorted(few.rows.flatten().tolist()) == list(range(1000))


def test_a_sample_is_even() -> None:
    means = []
    for seed in range(200):
        sample = Sample(50, seed)
        for some in torch.split(torch.arange(2000.0), 300):
            sample.add(some)
        means.append(sample.rows.mean().item())
    assert abs(torch.tensor(means).mean().item() - 999.5) < 4 * 2000 / 12**0.5 / 10000**0.5


def test_neurons_get_the_potentials_of_the_ann() -> None:
    ann, snn = network(ReLU), network(Uniform)
    before = [layer.training for layer in ann.modules()]
    told: list[tuple[str, int, int]] = []
    names = calibrate(ann, snn, torch.split(X, 5, 1), progress=lambda *news: told.append(news))
    assert names == ("layers.1", "layers.3")
    assert told == [("layers.1", 1, 2), ("layers.3", 2, 2)]
    assert [layer.training for layer in ann.modules()] == before
    for place in (1, 3):
        v = currents(ann, place)[0]
        neuron = part(snn, place)
        assert neuron.top.item() == v.amax().item()
        expected = v.movedim(1, -1).flatten(0, -2)
        assert neuron.seen.shape == expected.shape
        assert torch.equal(neuron.seen.sort(0).values, expected.sort(0).values)


def test_samples_are_bounded_seeded_and_keep_the_channels() -> None:
    ann, snn = network(ReLU), network(Uniform)
    calibrate(ann, snn, [X], samples_per_layer=100)
    first = part(snn, 3).seen
    assert first.shape == (25, 4)
    rows = {tuple(row) for row in currents(ann, 3)[0].movedim(1, -1).flatten(0, -2).tolist()}
    assert {tuple(row) for row in first.tolist()} <= rows
    calibrate(ann, snn, torch.split(X, 1, 1), samples_per_layer=100)
    assert torch.allclose(part(snn, 3).seen, first, rtol=0, atol=1e-12)
    calibrate(ann, snn, [X], samples_per_layer=100, seed=1)
    assert not torch.equal(part(snn, 3).seen, first)
    calibrate(ann, snn, [X], samples_per_layer=1)
    assert part(snn, 1).seen.shape == (1, 3)


def test_whole_samples() -> None:
    ann, snn = network(ReLU), network(Uniform)
    part(snn, 1).whole_samples = True
    calibrate(ann, snn, [X], samples_per_layer=3 * 36 * 5)
    assert part(snn, 1).seen.shape == (5, 3, 6, 6)
    assert part(snn, 3).seen.ndim == 2  # each neuron as it says


def test_sequential_neurons_get_what_the_snn_gives_them_so_far() -> None:
    ann, snn = network(ReLU), network(Clocked)
    calibrate(ann, snn, iter([X[:, :7], X[:, 7:]]), steps=4, samples_per_layer=10**6)
    received = currents(snn, 3, X.expand(4, -1, -1, -1, -1))  # of a first layer that is set, scale 3
    second = part(snn, 3)
    assert second.received.shape == (4, 12 * 16, 4)
    expected = received.movedim(2, -1).flatten(1, -2)
    torch.testing.assert_close(second.received.sort(1).values, expected.sort(1).values, rtol=0, atol=1e-12)
    # row by row they belong to the samples of the ANN
    v = currents(ann, 3)[0].movedim(1, -1).flatten(0, -2)
    places = torch.cdist(second.samples, v).argmin(1)
    torch.testing.assert_close(second.received, expected[:, places], rtol=0, atol=1e-12)


def test_whole_samples_with_steps() -> None:
    snn = network(Clocked)
    part(snn, 1).whole_samples = True
    calibrate(network(ReLU), snn, [X], steps=4, samples_per_layer=3 * 36 * 5)
    assert part(snn, 1).samples.shape == (5, 3, 6, 6)
    assert part(snn, 1).received.shape == (4, 5, 3, 6, 6)


def test_neurons_without_a_start_are_left_alone() -> None:
    assert calibrate(network(ReLU), network(Plain), []) == ()


def test_networks_that_do_not_fit() -> None:
    ann = network(ReLU)
    other = TimeSequential(nn.Flatten(), Uniform())
    with pytest.raises(ContractError, match=r"same names, but only the ANN has 'layers.3'"):
        calibrate(ann, TimeSequential(nn.Flatten(), Uniform()), [X])
    with pytest.raises(ContractError, match=r"must be the ANN.*'layers.1'"):
        calibrate(other, ann, [X])
    with pytest.raises(ContractError, match="the ANN has no layer of neurons"):
        calibrate(nn.Sequential(nn.ReLU()), network(Uniform), [X])
    with pytest.raises(ContractError, match="no batch"):
        calibrate(ann, network(Uniform), [])
    with pytest.raises(ContractError, match="2 steps, but 4"):
        calibrate(ann, network(Clocked), [X.expand(2, -1, -1, -1, -1)], steps=4)


def test_a_network_that_steps_is_refused() -> None:
    class Steps(nn.Module):
        def __init__(self, neuron: SpikingNeuron) -> None:
            super().__init__()
            self.neuron = neuron

        def forward(self, x: Tensor) -> Tensor:
            return self.neuron.step(x[0], self.neuron.initial_state(x[0]))[0].unsqueeze(0)

    with pytest.raises(ContractError, match="'neuron' is run step by step"):
        calibrate(Steps(ReLU()), Steps(Clocked()), [X])


class Corrected(Uniform):
    """Keeps what it is calibrated by."""

    def calibrate(self, samples: Tensor, received: Tensor | None = None) -> None:
        self.samples, self.received = samples, received
        super().calibrate(samples, received)


def test_a_window_gets_what_the_snn_as_calibrated_so_far_gives_it() -> None:
    ann, snn = network(ReLU), network(Corrected)
    calibrate(ann, snn, torch.split(X, 5, 1))
    for place in (1, 3):
        found = part(snn, place)
        for wanted, model in ((found.samples, ann), (found.received, snn)):
            rows = currents(model, place)[0].movedim(1, -1).flatten(0, -2)
            assert torch.equal(wanted.sort(0).values, rows.sort(0).values)
    first, second = part(snn, 1), part(snn, 3)
    assert torch.equal(first.samples, first.received)
    assert not torch.equal(second.samples, second.received)
    slope, shift, _ = second.correction.detach()
    better = (slope != 1) | (shift != 0)
    assert better.any()
    means = (second.received * slope + shift).mean(0)[better]
    torch.testing.assert_close(means, second.samples.mean(0)[better], rtol=1e-9, atol=1e-9)


def test_correction_brings_the_outputs_nearer() -> None:
    ann = network(ReLU)
    errors = []
    for corrects in (False, True):
        snn = network(Uniform)
        for place in (1, 3):
            part(snn, place).corrects = corrects
        calibrate(ann, snn, [X])
        errors.append((currents(snn, 6) - currents(ann, 6)).square().mean())
    assert errors[1] < errors[0]


class Twice(nn.Module):
    """One layer of neurons that is used twice in a pass."""

    def __init__(self, neuron: Callable[[], nn.Module]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(6, 4).double(), nn.Linear(4, 4).double()
        self.neuron = neuron()
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.neuron(self.second(self.neuron(self.first(x))))
        return out


def test_a_layer_that_is_used_twice_is_corrected_by_both_uses() -> None:
    ann, snn = Twice(ReLU), Twice(Corrected)
    x = torch.rand(1, 10, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    calibrate(ann, snn, [x[:, :4], x[:, 4:]])
    found: Any = snn.neuron
    assert found.samples.shape == found.received.shape == (20, 4)
    assert (found.samples == found.received).all(1).sum() == 10  # the first use
