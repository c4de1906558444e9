"""Networks that are compiled, scripted or traced, called in any way and seen by others meanwhile."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from snnplug.errors import ContractError
from snnplug.nn import Activity, TimeSequential, fold, record, watch_spikes

from .counting import Fire, binary


def network() -> TimeSequential:
    torch.manual_seed(0)
    return TimeSequential(nn.Linear(6, 8), Fire(), nn.Linear(8, 4), Fire()).eval()


X = 4 * torch.rand(5, 3, 6, generator=torch.Generator().manual_seed(1))


def recorded(model: nn.Module, call: Callable[..., Any] | None = None) -> Activity:
    with torch.no_grad(), record(model) as activity:
        (model if call is None else call)(X)
    return activity


@pytest.fixture(scope="module")
def right() -> Activity:
    activity = recorded(network())
    assert activity.synaptic_operations > 0
    assert activity.macs == 5 * 6 * 8
    return activity


@pytest.fixture
def _compiler() -> Iterator[None]:
    torch.compiler.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the compiler warns of is not the recorder's affair
        yield
    torch.compiler.reset()


@pytest.mark.usefixtures("_compiler")
@pytest.mark.parametrize("watched", ["compiled", "original"])
@pytest.mark.parametrize("warm", [True, False], ids=("compiled before", "compiles now"))
def test_torch_compile(right: Activity, watched: str, warm: bool) -> None:
    model = network()
    compiled: Any = torch.compile(model, backend="eager")
    if warm:
        compiled(X)
    assert recorded(compiled if watched == "compiled" else model, compiled) == right


@pytest.mark.usefixtures("_compiler")
def test_a_module_that_compiles_itself(right: Activity) -> None:
    model = network()
    model.compile(backend="eager")
    model(X)
    assert recorded(model) == right


@pytest.mark.usefixtures("_compiler")
@pytest.mark.parametrize("part", [0, 2])
def test_a_compiled_part(right: Activity, part: int) -> None:
    model = network()
    model.layers[part] = torch.compile(model.layers[part], backend="eager")
    model(X)
    assert recorded(model) == right


@pytest.mark.usefixtures("_compiler")
def test_it_is_compiled_again_afterwards() -> None:
    model, graphs = network(), []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    compiled: Any = torch.compile(model, backend=backend)
    recorded(compiled)
    assert not graphs
    with torch.no_grad():
        compiled(X)
    assert graphs


def test_scripted_and_traced_networks_of_torchs_own_layers_are_counted() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4))
    expected = recorded(layers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both are deprecated
        others = torch.jit.script(layers), torch.jit.trace(layers, X)
    for other in others:
        assert recorded(other) == expected
        part = recorded(TimeSequential(other))
        assert (part.macs, part.synaptic_operations) == (expected.macs, 0)
        assert not part.uncounted


def test_a_traced_neuron_is_named() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(network(), X)
    activity = recorded(nn.Sequential(traced))
    assert activity.uncounted["0"] == "ScriptModule"
    assert not activity.neurons


class Keywords(nn.Module):
    """Calls everything by keyword."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = network().layers

    def forward(self, scale: float = 1.0, *, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = fold(lambda y, layer=layer: layer(input=y), x) if isinstance(layer, nn.Linear) else layer(x=x)
        return x * scale


def test_keyword_arguments(right: Activity) -> None:
    model = Keywords().eval()
    assert recorded(model, lambda x: model(x=x, scale=2.0)) == right


def test_steps_called_by_keyword_are_seen() -> None:
    neuron, seen = Fire(), []
    with record(neuron), torch.no_grad():
        watch = watch_spikes(neuron, lambda name, spikes: seen.append(spikes))
        state = neuron.initial_state(x=X[0])
        neuron.step(state=state, x=X[0])
        watch.remove()
    assert [spikes.shape for spikes in seen] == [(1, 3, 6)]


def test_a_network_without_a_sequence_is_refused() -> None:
    model = network()
    with (
        record(model) as activity,
        pytest.raises(ContractError, match=r"must be called with a tensor \[T, B, "),
    ):
        model(torch.rand(3))
    assert activity.samples == 0


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_the_gradient_mode_does_not_matter(right: Activity, mode: Callable[[], Any]) -> None:
    model = network()
    with mode(), record(model) as activity:
        outputs = model(X)
    if outputs.requires_grad:
        outputs.sum().backward()  # its operations are not the network's
    assert activity == right


def test_others_who_look_at_operations_see_the_network_alone(right: Activity) -> None:
    model = network()
    with torch.no_grad(), FlopCounterMode(display=False) as alone:
        model(X)
    with torch.no_grad(), FlopCounterMode(display=False) as around, record(model) as one:
        model(X)
    with torch.no_grad(), record(model) as other, FlopCounterMode(display=False) as inside:
        model(X)
    assert alone.get_total_flops() == around.get_total_flops() == inside.get_total_flops() > 0
    assert one == other == right


def test_what_watchers_compute_is_not_the_networks(right: Activity) -> None:
    model, products = network(), []

    def multiply(name: str, spikes: Tensor) -> None:
        products.append(spikes.flatten(1) @ spikes.flatten(1).T)

    watch = watch_spikes(model, multiply)
    with torch.no_grad(), record(model) as outer, record(model, on_spikes=multiply) as inner:
        model(X)
    watch.remove()
    assert len(products) == 4
    assert outer == inner == right


def test_after_an_error_inside_it_goes_on() -> None:
    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.fails = nn.Linear(6, 2), True

        def forward(self, x: Tensor) -> Tensor:
            y = fold(self.layer, x)
            if self.fails:
                raise ArithmeticError
            return y

    model, x = Fails(), binary(2, 3, 6)
    with record(model) as activity:
        with pytest.raises(ArithmeticError):
            model(x)
        model.fails = False
        model(x)
    assert activity.synapses["layer"].operations == [2 * 2 * float(step.sum()) for step in x]
    assert activity.samples == 6
    assert not activity.uncounted
