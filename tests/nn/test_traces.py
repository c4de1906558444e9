"""Gradients of spatial learning and of online training through time, against loops that write them out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug import Registry
from snnplug.errors import ContractError
from snnplug.nn import SpikingNeuron, TimeModule, TimeSequential, fold, start_stream, step_stream
from snnplug.nn.traces import PresynapticTraces, receivers

EXACT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-13}
B, CLASSES, THRESHOLD = 3, 4, 1.0


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.from_installed(quiet=True)


def values(*shape: int, high: float = 2) -> Tensor:
    return high * torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def online(network: nn.Module, x: Tensor, target: Tensor, traces: bool) -> list[Tensor]:
    """Return the gradients of the mean over steps of the cross entropy of each."""
    kept = PresynapticTraces(network, x) if traces else None
    network.zero_grad()
    if kept is not None:
        kept.attach()
    state = start_stream(network, x[0])
    for x_t in x:
        y, state = step_stream(network, x_t, state)
        (F.cross_entropy(y, target) / len(x)).backward()
        state = state.detach()
        if kept is not None:
            kept.next_step()
    if kept is not None:
        kept.detach()
    return [p.grad for p in network.parameters() if p.grad is not None]


def through_time(network: nn.Module, x: Tensor, target: Tensor) -> list[Tensor]:
    network.zero_grad()
    torch.stack([F.cross_entropy(y, target) for y in network(x)]).mean().backward()
    return [p.grad for p in network.parameters() if p.grad is not None]


# the oracle


def slope(u: Tensor) -> Tensor:
    """The derivative of the arctangent surrogate."""
    return 1 / (1 + (torch.pi * (u - THRESHOLD)) ** 2)


def written_out(
    weights: list[Tensor],
    biases: list[Tensor],
    x: Tensor,
    target: Tensor,
    tau: float,
    soft: bool,
    traces: bool,
) -> list[Tensor]:
    """Return gradients of weights and biases of convolution, linear and linear layer with LIFs between.

    u[t] = (1 - 1/tau) v[t-1] + I[t], s = [u >= 1], v = u - s or (1 - s) u; all by loops over steps and taps.
    """
    (w1, w2, w3), (b1, b2, b3) = weights, biases
    keep = 1 - 1 / tau
    gradients = [torch.zeros_like(p) for p in (w1, b1, w2, b2, w3, b3)]
    k = w1.shape[2]
    side = x.shape[-1] - k + 1
    v1 = torch.zeros(B, w1.shape[0], side, side, dtype=x.dtype)
    v2 = torch.zeros(B, w2.shape[0], dtype=x.dtype)
    a0, a1 = torch.zeros_like(x[0]), torch.zeros(B, w2.shape[1], dtype=x.dtype)
    for x_t in x:
        current = b1.view(1, -1, 1, 1).expand(B, -1, side, side).clone()
        for i in range(k):
            for j in range(k):
                patch = x_t[:, :, i : i + side, j : j + side]
                current += torch.einsum("bchw,oc->bohw", patch, w1[:, :, i, j])
        u1 = keep * v1 + current
        s1 = (u1 >= THRESHOLD).to(x.dtype)
        v1 = u1 - s1 if soft else (1 - s1) * u1
        flat = s1.reshape(B, -1)
        u2 = keep * v2 + flat @ w2.T + b2
        s2 = (u2 >= THRESHOLD).to(x.dtype)
        v2 = u2 - s2 if soft else (1 - s2) * u2
        y = s2 @ w3.T + b3
        # the trace of what each layer is given; the last reaches no membrane
        a0 = keep * a0 + x_t if traces else x_t
        a1 = keep * a1 + flat if traces else flat
        g3 = (y.softmax(1) - F.one_hot(target, CLASSES)) / B / len(x)
        g2 = (g3 @ w3) * slope(u2)
        g1 = ((g2 @ w2) * slope(u1).reshape(B, -1)).reshape(u1.shape)
        gradients[4] += g3.T @ s2
        gradients[5] += g3.sum(0)
        gradients[2] += g2.T @ a1
        gradients[3] += g2.sum(0)
        gradients[1] += g1.sum((0, 2, 3))
        for i in range(k):
            for j in range(k):
                patch = a0[:, :, i : i + side, j : j + side]
                gradients[0][:, :, i, j] += torch.einsum("bohw,bchw->oc", g1, patch)
    return gradients


def network(registry: Registry, tau: float = 2.0, reset: str = "soft") -> TimeSequential:
    def lif() -> SpikingNeuron:
        return registry.create("neuron", "lif", tau=tau, reset=reset, decay_input=False)

    torch.manual_seed(0)
    layers = nn.Conv2d(2, 3, 3), lif(), nn.Flatten(), nn.Linear(27, 6), lif(), nn.Linear(6, CLASSES)
    net = TimeSequential(*layers).double()
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(3)  # so that all layers fire
    return net


@pytest.mark.parametrize("steps", [2, 7])
@pytest.mark.parametrize("traces", [False, True], ids=["spatial", "traces"])
@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_gradients_are_those_written_out(registry: Registry, steps: int, traces: bool, reset: str) -> None:
    net, x = network(registry, 1.6, reset), values(steps, B, 2, 5, 5)
    target = torch.arange(B) % CLASSES
    parameters = [p.detach() for p in net.parameters()]
    expected = written_out(
        parameters[::2], parameters[1::2], x, target, 1.6, soft=reset == "soft", traces=traces
    )
    assert all(bool(gradient.any()) for gradient in expected)
    torch.testing.assert_close(online(net, x, target, traces), expected, **EXACT)


def test_values_are_the_same_with_traces(registry: Registry) -> None:
    net, x = network(registry), values(6, B, 2, 5, 5)
    kept, outputs = PresynapticTraces(net, x), []
    kept.attach()
    state = start_stream(net, x[0])
    for x_t in x:
        y, state = step_stream(net, x_t, state)
        outputs.append(y)
        kept.next_step()
    kept.detach()
    assert torch.equal(torch.stack(outputs), net(x))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


def test_one_step_is_backpropagation(registry: Registry) -> None:
    net, x, target = network(registry), values(1, B, 2, 5, 5), torch.arange(B)
    expected = through_time(net, x, target)
    for traces in (False, True):
        torch.testing.assert_close(online(net, x, target, traces), expected, **EXACT)


class Forgetful(SpikingNeuron):
    """Keeps nothing of its potential, so that no path leads through time."""

    def leak_factor(self) -> float:
        return 0.0

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        from snnplug.nn import spike

        return spike(x - THRESHOLD), state


def test_without_a_path_through_time_all_are_backpropagation() -> None:
    torch.manual_seed(0)
    net = TimeSequential(
        nn.Linear(5, 6), Forgetful(), nn.Linear(6, 6), Forgetful(), nn.Linear(6, CLASSES)
    ).double()
    x, target = values(6, B, 5), torch.arange(B)
    expected = through_time(net, x, target)
    for traces in (False, True):
        torch.testing.assert_close(online(net, x, target, traces), expected, **EXACT)


def test_backpropagation_is_another_gradient(registry: Registry) -> None:
    net, x, target = network(registry), values(7, B, 2, 5, 5), torch.arange(B)
    found = [through_time(net, x, target), *(online(net, x, target, traces) for traces in (False, True))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not torch.allclose(found[one][0], found[other][0], rtol=1e-3)


def test_traces_without_reset_and_below_the_threshold_are_exact(registry: Registry) -> None:
    """One layer whose potential is linear in its weights: the trace is the derivative of the potential."""
    net = TimeSequential(
        nn.Linear(5, 6, bias=False),
        registry.create("neuron", "lif", tau=3.0, reset="none", decay_input=True),
        nn.Linear(6, CLASSES, bias=False),
    ).double()
    x, target = values(8, B, 5, high=1), torch.arange(B)
    torch.testing.assert_close(online(net, x, target, True), through_time(net, x, target), **EXACT)


# which neurons a layer reaches


class Branches(TimeModule):
    """A sum of two layers before one neuron, and a layer that goes by it."""

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self.one, self.two, self.aside = (nn.Linear(4, 4) for _ in range(3))
        self.first, self.second = (registry.create("neuron", "lif", tau=tau) for tau in (2.0, 3.0))
        self.last = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(fold(self.one, x) + fold(self.two, x))
        return fold(self.last, self.second(y + fold(self.aside, x)))


def test_receivers_of_a_layer(registry: Registry) -> None:
    found = receivers(Branches(registry), values(2, B, 4).float())
    assert found == {"one": ("first",), "two": ("first",), "aside": ("second",), "last": ()}
    net = registry.use("architecture", "recurrent", neuron="lif", hidden=[4]).build(_task())
    found = receivers(net, values(2, B, 4).float())
    assert found == {"layers.1": ("layers.2.neuron",), "layers.2.back": ("layers.2.neuron",), "layers.3": ()}


def _task() -> Any:
    from snnplug import Task

    return Task(input_shape=(4,), classes=3, steps=3)


def test_each_layer_fades_with_its_neurons(registry: Registry) -> None:
    traces = PresynapticTraces(Branches(registry), values(2, B, 4).float())
    factors = {name: neuron.leak_factor() for name, (_, neuron) in traces.layers.items()}
    assert factors == {"one": 0.5, "two": 0.5, "aside": pytest.approx(2 / 3)}


def test_neurons_without_a_leak_factor_are_refused(registry: Registry) -> None:
    net = TimeSequential(nn.Linear(4, 4), registry.create("neuron", "klif"))
    words = r"the neuron layers.1 \(KLIF\) has no leak factor, by which the trace of the layer layers.0 fades"
    with pytest.raises(ContractError, match=words):
        PresynapticTraces(net, values(2, B, 4).float())


def test_a_layer_before_two_leaks_is_refused(registry: Registry) -> None:
    class Two(TimeModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.one, self.two = (registry.create("neuron", "lif", tau=tau) for tau in (2.0, 4.0))

        def forward(self, x: Tensor) -> Tensor:
            y = fold(self.layer, x)
            return self.one(y) + self.two(y)

    words = r"layer reaches neurons with different leak factors \(one: 0.5, two: 0.75\)"
    with pytest.raises(ContractError, match=words):
        PresynapticTraces(Two(), values(2, B, 4).float())


@pytest.mark.parametrize(
    ("name", "parameters", "factor"),
    [
        ("lif", {"tau": 4.0}, 0.75),
        ("if", {}, 1.0),
        ("plif", {"tau": 2.0}, 0.5),
        ("imp", {"base": {"use": "lif", "tau": 5.0}}, 0.8),
        ("rate", {}, 1.0),
        ("klif", {}, None),
        ("sliding_psn", {}, None),
    ],
)
def test_leak_factors(
    registry: Registry, name: str, parameters: dict[str, Any], factor: float | None
) -> None:
    assert registry.create("neuron", name, **parameters).leak_factor() == pytest.approx(factor)


# memory


@pytest.mark.parametrize("traces", [False, True], ids=["spatial", "traces"])
def test_memory_does_not_grow_with_the_steps(registry: Registry, traces: bool) -> None:
    net, target = network(registry), torch.arange(B)

    def most(steps: int, run: Any) -> int:
        alive, peak = 0, 0

        class Saved:
            def __init__(self, x: Tensor) -> None:
                nonlocal alive, peak
                self.x, self.size = x, x.numel() * x.element_size()
                alive += self.size
                peak = max(peak, alive)

            def __del__(self) -> None:
                nonlocal alive
                alive -= self.size

        with torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.x):
            run(values(steps, B, 2, 5, 5))
        assert alive == 0
        return peak

    def step(x: Tensor) -> None:
        online(net, x, target, traces)

    def whole(x: Tensor) -> None:
        through_time(net, x, target)

    few, many = most(10, step), most(200, step)
    assert few == many > 0
    assert most(200, whole) > 15 * most(10, whole) > 15 * few
