"""The modes in which a forward pass saves what its backward pass needs.

    keep        everything, as PyTorch does
    compress    spikes as bits; what is elementwise (batch norm's output, potentials) or a pool is computed
                again from what is left: of the three arrays of a convolution, batch norm and neurons one
    recompute   convolutions and matrix products are computed again as well, so that spikes are left

Gradients are equal to the last bit in all of them: nothing is rounded, what is computed again is computed by
the same function from the same values, random draws are repeated and running statistics updated once. The
idea of computing again is that of Chen et al., arXiv:1604.06174. What differs: no part of the network is
wrapped; each array is cheaper to compute again than to keep or not, and analog ones are kept wherever more
than one convolution would have to run for the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from snnplug.nn.memory.account import Account
from snnplug.nn.memory.again import CHEAP, HEAVY, POOLS, RELUS, Derivation, restore, without_statistics
from snnplug.nn.memory.inside import run_inside
from snnplug.nn.memory.keeper import Keeper
from snnplug.nn.memory.late import run_late
from snnplug.nn.naming import outermost
from snnplug.nn.neuron import SpikingNeuron
from snnplug.nn.rerun import remembering

__all__ = ["MODES", "Mode", "saving"]

Mode: TypeAlias = Literal["keep", "compress", "recompute"]
MODES: tuple[Mode, ...] = get_args(Mode)


@contextmanager
def saving(model: nn.Module, mode: Mode) -> Iterator[Account]:
    """Let a forward pass of a model, in this context, save what its backward pass needs in a mode.

    The backward pass may run in the context or behind it.

    Args:
        model: its neurons are run again as wholes.
        mode: see the module's text.

    Yields:
        The bytes, as they add up.
    """
    keeper = Keeper(model, heavy=mode == "recompute", packs=mode != "keep")
    with ExitStack() as stack:
        if keeper.packs:
            stack.enter_context(_neurons_inside(model, keeper))
            stack.enter_context(remembering(keeper))
            stack.enter_context(_Remembering(keeper))
        stack.enter_context(saved_tensors_hooks(keeper.pack, restore))
        yield keeper.account
        keeper.known.clear()


class _Remembering(TorchFunctionMode):
    """Sees every function of torch that is called, and remembers how the results came about."""

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self.keeper = keeper
        self.functions = CHEAP | HEAVY if keeper.heavy else CHEAP

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in POOLS and torch.is_grad_enabled() and args and not kwargs.get("return_indices"):
            run = partial(_with_first, func, args[1:], kwargs)
            out = run_inside(self.keeper, run, args[0])
            self.keeper.remember_derivation(out, Derivation.of(func, args, kwargs, heavy=False))
            return out
        if func in RELUS:
            return run_late(self.keeper, func, args, kwargs)
        out = func(*args, **kwargs)
        if func in self.functions and torch.is_grad_enabled() and "out" not in kwargs:
            args, kwargs = without_statistics(func, args, kwargs)
            self.keeper.remember_derivation(out, Derivation.of(func, args, kwargs, heavy=func in HEAVY))
        return out


def _with_first(function: Any, rest: Any, kwargs: Any, x: Tensor) -> Tensor:
    out: Tensor = function(x, *rest, **kwargs)
    return out


@contextmanager
def _neurons_inside(model: nn.Module, keeper: Keeper) -> Iterator[None]:
    """Let the neurons of a model keep their current, and compute the rest again."""
    changed = []
    try:
        for _, neuron in outermost(model, (SpikingNeuron,)):
            is_plain = isinstance(neuron, SpikingNeuron) and "forward" not in neuron.__dict__
            if is_plain and not neuron.analog:  # whose output is computed again as a layer's is
                neuron.forward = partial(_forward, keeper, neuron.forward)
                changed.append(neuron)
        yield
    finally:
        for neuron in changed:
            del neuron.forward


def _forward(keeper: Keeper, forward: Any, x: Tensor, state: Any = None) -> Any:
    if state is not None:
        return forward(x, state)
    if not torch.is_grad_enabled():
        return forward(x)
    return run_inside(keeper, forward, x)
