"""Where the neurons of a network stand: how many a signal has passed, in one time step.

Every layer of neurons is replaced by an identity that leaves a mark in autograd's graph. One sample
and one time step go through the network, and the graph is walked from the output back:

    depth of a layer    = 1 + the largest depth of the layers whose spikes reach it
    depth of a network  = the largest depth of the layers whose spikes reach the output

Only chains that begin at the input count. A layer that reaches the output only over feedback into
a later time step has no depth here; neither has one behind an operation that passes no gradient.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.nn import SpikingNeuron, outermost

__all__ = ["NEVER", "neuron_depths"]

NEVER = -math.inf  # the input does not arrive


class _Mark(torch.autograd.Function):
    """The identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: str) -> Tensor:
        ctx.layer = layer
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


def neuron_depths(model: nn.Module, x: Tensor) -> tuple[float, dict[str, int]]:
    """Return the depth of a network, and that of each layer of neurons.

    The model's neurons are of no use afterwards: they pass their input on.

    Args:
        model: from `[T, B, *]` to a tensor.
        x: input `[T, B, *]`, of which the first sample and time step are used.

    Returns:
        The number of layers on the longest chain, minus infinity if the output does not depend on the
        input; and by name, without the layers that have none, each layer's depth from 1 on: where it
        is used more than once, the least.
    """
    for name, neuron in outermost(model, (SpikingNeuron,)):
        if isinstance(neuron, SpikingNeuron) and not neuron.analog:
            _bypass(neuron, name)
    model.eval()  # one sample is no batch to take statistics of
    leaf = x[:1, :1].detach().clone().requires_grad_()
    with torch.enable_grad():
        return _longest(model(leaf).grad_fn, leaf)


def _bypass(neuron: Any, name: str) -> None:
    """Let a layer of neurons pass its input on, marked."""

    def forward(x: Tensor, state: Any = None) -> Any:
        marked = _Mark.apply(x, name)
        return marked if state is None else (marked, state)

    neuron.forward, neuron.step = forward, forward


def _longest(output: Any, leaf: Tensor) -> tuple[float, dict[str, int]]:
    """Return what `neuron_depths` does, from the node of the output in autograd's graph."""
    depths: dict[Any, float] = {None: NEVER}
    layers: dict[str, int] = {}
    stack = [output]
    while stack:  # no recursion: graphs are deeper than Python's stack
        node = stack[-1]
        before = [source for source, _ in node.next_functions] if node is not None else []
        waiting = [source for source in before if source not in depths]
        if waiting and node not in depths:
            stack += waiting
            continue
        stack.pop()
        if node in depths:
            continue
        depth = max((depths[source] for source in before), default=NEVER)
        if getattr(node, "variable", None) is leaf:
            depth = 0
        layer = getattr(node, "layer", None)
        if layer is not None and depth > NEVER:
            depth += 1
            layers[layer] = min(int(depth), layers.get(layer, int(depth)))
        depths[node] = depth
    return depths[output], layers
