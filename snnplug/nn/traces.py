"""Presynaptic traces in place of the spikes of a step, for the gradients of weights.

    a[t] = lambda a[t-1] + s[t]           of what a synaptic layer is given, s[t]
    I[t] = W s[t] + b                     its current, as ever
    dL/dW = sum_t dL[t]/dI[t] a[t]^T      dL/ds[t] = W^T dL[t]/dI[t]

lambda is what a membrane that gets the current keeps of its potential from one step to the next. Where the
network is run step by step, with its state detached after each, this is the gradient of online training
through time: M. Xiao et al., NeurIPS 2022, arXiv:2210.04195. As in its code a bias has no trace, and a layer
whose current reaches no neuron, as the last one mostly, has lambda = 0: its gradient is that of the step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn.layers import SYNAPTIC
from snnplug.nn.mode import evaluating
from snnplug.nn.naming import outermost, plain_name
from snnplug.nn.neuron import SpikingNeuron
from snnplug.nn.stream import start_stream, step_stream
from snnplug.nn.watch import SpikeWatch

__all__ = ["PresynapticTraces", "receivers"]


class PresynapticTraces:
    """Lets the synaptic layers of a network have such gradients, from `attach` to `detach`.

    Args:
        network: run step by step in between.
        x: an input `[T, B, *]`, whose values do not matter.

    Raises:
        ContractError: a neuron needs the whole window, or has no leak factor that is the same for all layers
            before it.
    """

    def __init__(self, network: nn.Module, x: Tensor) -> None:
        neurons = dict(outermost(network, (SpikingNeuron,)))
        self.layers: dict[str, tuple[nn.Module, SpikingNeuron]] = {}
        for name, names in receivers(network, x).items():
            found: dict[str, Any] = {one: neurons[one] for one in names}
            factors = {one: neuron.leak_factor() for one, neuron in found.items()}
            for one, factor in factors.items():
                if factor is None:
                    raise ContractError(
                        f"the neuron {one} ({type(found[one]).__name__}) has no leak factor, by which the "
                        f"trace of the layer {name} fades; take a neuron with a linear leak"
                    )
            if len(set(factors.values())) > 1:
                said = ", ".join(f"{one}: {factor:g}" for one, factor in factors.items())
                raise ContractError(
                    f"the layer {name} reaches neurons with different leak factors ({said}), by which its "
                    "trace would fade; take neurons with one leak"
                )
            if found:
                self.layers[name] = network.get_submodule(name), next(iter(found.values()))
        self._traces: dict[tuple[str, int], Tensor] = {}
        self._calls: Counter[str] = Counter()
        self._given: dict[str, Tensor] = {}
        self._undo: list[Callable[[], None]] = []

    def attach(self) -> None:
        """Begin with sequences."""
        for name, (layer, neuron) in self.layers.items():
            before = layer.register_forward_pre_hook(self._replacing(name, neuron))
            after = layer.register_forward_hook(self._restoring(name))
            self._undo += [before.remove, after.remove]

    def detach(self) -> None:
        """Leave the network as it was."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        self.begin()

    def begin(self) -> None:
        """Begin a sequence: all traces are 0."""
        self._traces.clear()
        self.next_step()

    def next_step(self) -> None:
        """Begin a step."""
        self._calls.clear()
        self._given.clear()

    def _replacing(self, name: str, neuron: SpikingNeuron) -> Callable[..., Any]:
        def replace(layer: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
            if not torch.is_grad_enabled():
                return None
            s, *rest = args
            self._calls[name] += 1
            key = name, self._calls[name]
            a = s.detach().to(torch.promote_types(s.dtype, torch.float32))
            if key in self._traces:
                factor = neuron.leak_factor()
                assert factor is not None
                a = factor * self._traces[key] + a
            self._traces[key], self._given[name] = a, s.detach()
            return _Instead.apply(s, a.to(s.dtype)), *rest

        return replace

    def _restoring(self, name: str) -> Callable[..., Any]:
        def restore(layer: nn.Module, args: tuple[Any, ...], y: Tensor) -> Tensor | None:
            if not torch.is_grad_enabled():
                return None
            with torch.no_grad():
                value = layer.forward(self._given.pop(name), *args[1:])
            out: Tensor = _Instead.apply(y, value)
            return out

        return restore


class _Instead(torch.autograd.Function):
    """Another value with the gradient of the first."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


def receivers(network: nn.Module, x: Tensor) -> Mapping[str, tuple[str, ...]]:
    """Return which neurons the current of each synaptic layer reaches before any other neuron, by name.

    Found by the graph of two steps: back from the current of each neuron to the layers that it comes from.

    Args:
        network: runs step by step; nothing is left behind in it.
        x: an input `[T, B, *]`, whose values do not matter.

    Raises:
        ContractError: a neuron needs the whole window of steps.
    """
    found: dict[str, set[str]] = {}
    nodes: dict[Any, str] = {}  # of the outputs of layers, by what made them
    ends: set[Any] = set()  # of the spikes of neurons

    def made(name: str) -> Callable[..., None]:
        def note(layer: nn.Module, args: Any, y: Tensor) -> None:
            nodes[y.grad_fn] = name

        return note

    def entered(name: str, current: Tensor | None, state: Any, step: bool) -> None:
        for layer in _layers_before(None if current is None else current.grad_fn, nodes, ends):
            found[layer].add(name)

    def left(name: str, spikes: Tensor | None, state: Any, step: bool) -> None:
        if spikes is not None:
            ends.add(spikes.grad_fn)

    undo: list[Callable[[], None]] = []
    for raw, part in outermost(network, (SpikingNeuron,)):
        if isinstance(part, SYNAPTIC):
            name = plain_name(raw)
            found[name] = set()
            undo.append(part.register_forward_hook(made(name)).remove)
    state = start_stream(network, x[0])
    watch = SpikeWatch(network, lambda name, spikes: None, entered=entered, left=left, analog=True)
    try:
        with evaluating(network), torch.enable_grad():
            for _ in range(2):  # what comes back to neurons is there from the second on
                _, state = step_stream(network, x[0].detach().requires_grad_(), state)
                state = state.detach()
    finally:
        watch.remove()
        for remove in undo:
            remove()
    return {name: tuple(sorted(names)) for name, names in found.items()}


def _layers_before(node: Any, layers: Mapping[Any, str], ends: set[Any]) -> Iterator[str]:
    waiting, seen = [node], {node, None}
    while waiting:
        one = waiting.pop()
        if one in layers:
            yield layers[one]
        elif one is not None and one not in ends:
            new = [before for before, _ in one.next_functions if before not in seen]
            seen.update(new)
            waiting += new
