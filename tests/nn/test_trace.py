"""The error of a converted network against its ANN, layer by layer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn import (
    Code,
    LayerError,
    MembraneState,
    SpikingNeuron,
    State,
    TimeSequential,
    Trace,
    WindowNeuron,
    trace,
)
from snnplug.nn.conversion.decoding import decode, feed
from snnplug.runs.reading import structure, to_plain


class ReLU(SpikingNeuron):
    analog = True

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return x.relu(), state


class Halves(WindowNeuron):
    """Levels 0, 0.5 and 1, cut down; the greatest as two spikes."""

    def __init__(self, scale: float | Tensor = 1.0) -> None:
        super().__init__(slots=2)
        self.scale = torch.as_tensor(scale, dtype=torch.float64)

    def code(self) -> Code:
        values = torch.tensor([[0.0, 0], [0.5, 0], [0.5, 0.5]], dtype=torch.float64)
        scale = self.scale.unsqueeze(-1)
        return Code(torch.tensor([0.5, 1.0]) * scale, values * scale.unsqueeze(-1))


class IntegrateAndFire(SpikingNeuron):
    """With a threshold of 1 and a soft reset."""

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, State]:
        v = state.v + x
        spikes = (v >= 1).to(x.dtype)
        return spikes, MembraneState(v - spikes)


class Weighted(SpikingNeuron):
    """Phases of two steps, weights 1/2 and 1/4; what it integrated within a period is coded in the next."""

    graded = True
    bias_every = 2

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        v, sent = torch.zeros_like(x[0]), []
        for t, current in enumerate(x):
            v = v + current
            size = 0.5 if t % 2 == 0 else 0.25
            spikes = size * (v >= size).to(v.dtype)
            v = v - spikes
            sent.append(spikes)
        return torch.stack(sent), state


def network(neuron: Callable[[], nn.Module]) -> TimeSequential:
    torch.manual_seed(0)
    convolutions = [nn.Conv2d(a, b, 3, bias=False) for a, b in ((2, 3), (3, 4))]
    with torch.no_grad():
        convolutions[1].weight *= 3
    return TimeSequential(convolutions[0], neuron(), convolutions[1], neuron(), nn.Flatten()).double()


X = 2 * torch.rand(1, 12, 2, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def floor(v: Tensor) -> Tensor:
    return (2 * v.clamp(0, 1)).floor() / 2


def potentials(d: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Return those of both layers, with an activation of one's own."""
    layers: Any = network(ReLU).layers
    with torch.no_grad():
        first = layers[0](X[0])
        return [first, layers[2](d(first))]


def expected(found: Tensor, a: Tensor, lowest: float = 0.5, highest: float = 1.0) -> dict[str, Any]:
    error = found - a
    lower, upper = (a > 0) & (a < lowest), a > highest
    rest = ~lower & ~upper
    channels = error.abs().mean((0, 2, 3))
    order = channels.argsort(descending=True)[:2].tolist()
    return {
        "mean": error.mean(),
        "absolute": error.abs().mean(),
        "rms": error.square().mean().sqrt(),
        "relative": error.square().mean().sqrt() / a.square().mean().sqrt(),
        "correlation": torch.corrcoef(torch.stack([found.flatten(), a.flatten()]))[0, 1],
        "quantiles": torch.quantile(
            error, torch.tensor([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99], dtype=torch.float64)
        ),
        "worst": [(channel, channels[channel].item()) for channel in order],
        "lower": (lower.sum(), error[lower].abs().sum()),
        "upper": (upper.sum(), error[upper].abs().sum()),
        "quantisation": (rest.sum(), error[rest].abs().sum()),
    }


def assert_is(error: LayerError, wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        found: Any = getattr(error, name)
        if name in ("lower", "upper", "quantisation"):
            assert found.count == value[0]
            found, value = found.total, value[1]
        if name == "worst":
            assert [channel for channel, _ in found] == [channel for channel, _ in value]
        given = torch.as_tensor(value, dtype=torch.float64)
        torch.testing.assert_close(
            torch.tensor(found, dtype=torch.float64), given, rtol=1e-10, atol=1e-12, msg=name
        )


@pytest.mark.parametrize("domain", ["value", "event"])
@pytest.mark.parametrize("size", [12, 5, 1])
def test_errors_are_those_of_all_samples(domain: str, size: int) -> None:
    ann, snn = network(ReLU), network(Halves)
    for neuron in snn.layers:
        if isinstance(neuron, Halves):
            neuron.domain = domain  # type: ignore[assignment]
    found = trace(ann, snn, torch.split(X, size, 1), worst=2)
    assert found.samples == 12
    assert [layer.name for layer in found.layers] == ["layers.1", "layers.3"]
    of_ann, of_snn = potentials(torch.relu), potentials(floor)
    for layer, v, received in zip(found.layers, of_ann, of_snn, strict=True):
        a = v.relu()
        assert_is(layer.own, expected(floor(v), a))
        assert_is(layer.accumulated, expected(floor(received), a))
        assert layer.neuron == "Halves"
        assert (layer.values, layer.channels) == (a.numel(), a.shape[1])
        assert layer.active == (a > 0).sum()
        assert layer.silent == ((a > 0) & (floor(received) == 0)).sum()
        assert layer.own.total == pytest.approx(layer.own.absolute * layer.values)
    assert found.layers[0].own == found.layers[0].accumulated
    assert found.layers[1].own != found.layers[1].accumulated


def test_parameters_for_each_channel_have_levels_of_their_own() -> None:
    scale = torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)
    ann, snn = network(ReLU), network(ReLU)
    snn.layers[1] = Halves(scale)
    own = trace(ann, snn, [X]).layers[0].own
    a = potentials(torch.relu)[0].relu()
    by_channel = scale.view(-1, 1, 1)
    assert own.upper.count == (a > by_channel).sum()
    assert own.lower.count == ((a > 0) & (a < by_channel / 2)).sum()


def test_an_ann_is_no_different_from_itself() -> None:
    found = trace(network(ReLU), network(ReLU), [X])
    for layer in found.layers:
        for error in (layer.own, layer.accumulated):
            assert (error.total, error.relative, error.lower.count, error.upper.count) == (0, 0, 0, 0)
            assert error.correlation == pytest.approx(1)
    assert found.start() is None


def test_a_clocked_neuron_is_decoded_by_the_mean_over_time() -> None:
    T = 8
    snn = network(IntegrateAndFire)
    found = trace(network(ReLU), snn, [X], steps=T)
    assert found.steps == T
    v = potentials(torch.relu)[0]
    rates = (v.clamp(0, 1) * T + 1e-9).floor() / T  # integrate and fire with a soft reset
    assert_is(
        found.layers[0].own, expected(rates, v.relu(), 1 / T, 1.0) | {"worst": found.layers[0].own.worst}
    )
    layers: Any = snn.layers
    with torch.no_grad():
        sent = layers[1](layers[0](X[0]).expand(T, *v.shape))  # spikes that come one after the other
        received = layers[2](sent.flatten(0, 1)).unflatten(0, (T, -1))
        rates = layers[3](received).mean(0)
    second = expected(rates, potentials(torch.relu)[1].relu(), 1 / T, 1.0)
    assert_is(found.layers[1].accumulated, second | {"worst": found.layers[1].accumulated.worst})


def test_a_code_of_a_period_is_decoded_by_the_mean_over_its_periods() -> None:
    neuron = Weighted()
    v = torch.tensor([[-1.0, 0.2, 0.25, 0.6, 0.75, 5.0]])
    for steps in (2, 6):
        x = feed(v, 2, steps)
        assert torch.allclose(decode(x, 2), v)
        assert decode(neuron(x), 2).shape == v.shape
    assert torch.equal(decode(neuron(feed(v, 2, 2)), 2), torch.tensor([[0, 0, 0.25, 0.5, 0.75, 0.75]]))
    found = trace(network(ReLU), network(Weighted), [X], steps=4)
    assert found.layers[0].own.upper.count == (potentials(torch.relu)[0] > 0.75).sum()


def test_quantiles_of_many_errors_are_of_a_seeded_sample() -> None:
    sampling: tuple[dict[str, Any], ...] = (
        {"sampled": 300},
        {"sampled": 300},
        {"sampled": 300, "seed": 1},
        {},
    )
    one, two, other, whole = (
        trace(network(ReLU), network(Halves), [X], **options).layers[1].own.quantiles for options in sampling
    )
    assert one == two != other
    assert one == pytest.approx(whole, abs=0.15)


def test_dead_channels_are_named() -> None:
    snn = network(lambda: Halves(torch.tensor([0.01, 1e6, 0.01], dtype=torch.float64)))
    snn.layers[3] = Halves()
    layer = trace(network(ReLU), snn, [X]).layers[0]
    assert layer.silent_channels == (1,)
    dead = potentials(torch.relu)[0][:, 1] > 0
    assert layer.silent >= dead.sum() > 0
    assert layer.silent_share == layer.silent / layer.active


def test_layers_that_ann_and_snn_run_differently_are_named() -> None:
    class Twice(TimeSequential):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + super().forward(x)

    once = network(Halves)
    with pytest.raises(ContractError, match=r"do not run 'layers\.1' equally often"):
        trace(Twice(*network(ReLU).layers), once, [X])
    wider = network(Halves)
    wider.layers[0] = nn.Conv2d(2, 3, 5).double()
    wider.layers[2] = nn.Conv2d(3, 4, 1).double()
    with pytest.raises(ContractError, match=r"'layers.1' sends \[12, 3, 6, 6\].*\[12, 3, 4, 4\] in the SNN"):
        trace(network(ReLU), wider, [X])
    with pytest.raises(ContractError, match="no batch"):
        trace(network(ReLU), once, [])


def test_a_trace_is_plain_data() -> None:
    found = trace(network(ReLU), network(Halves), [X])
    text = json.dumps(to_plain(found))
    assert structure(json.loads(text), Trace) == found
    assert found.start(1e-6) is found.layers[0]
    assert found.start(1e6) is None


def test_a_dead_network_can_be_traced() -> None:
    found = trace(network(ReLU), network(lambda: Halves(1e6)), [torch.zeros_like(X)])
    assert found.layers[0].own.relative is None
    assert found.layers[0].own.correlation is None


def test_a_correction_is_no_error_of_its_layer() -> None:
    ann, snn = network(ReLU), network(Halves)
    neuron: Any = snn.layers[1]
    neuron.correction = nn.Parameter(torch.tensor([[2.0], [0.1], [1.5]]).double().expand(3, 3).clone())
    found = trace(ann, snn, [X], worst=2).layers[0]
    v = potentials(torch.relu)[0]
    assert_is(found.own, expected(floor(v), v.relu()))
    sent = 1.5 * floor(2 * v + 0.1)
    assert_is(found.accumulated, expected(sent, v.relu(), lowest=0.75, highest=1.5))
