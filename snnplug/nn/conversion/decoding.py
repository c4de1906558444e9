"""What the steps of a window or of a clock stand for, and a potential given to a neuron in steps.

    value = sum_t x[t] / windows     windows = 1 where the bias enters once, else T / bias_every

A window holds a value once; a clocked code repeats it every `bias_every` steps, and means their mean.
"""

from __future__ import annotations

import torch
from torch import Tensor

from snnplug.errors import ContractError
from snnplug.nn.neuron import SpikingNeuron

__all__ = ["decode", "feed", "repeat", "respond"]


def decode(x: Tensor, every: int | None) -> Tensor:
    """Return the value `[B, *]` of steps `[T, B, *]`.

    Args:
        x: currents or spikes.
        every: `bias_every` of the neuron that gets or sends them.
    """
    value = x[0] if len(x) == 1 else x.sum(0)
    factor = 1.0 if every is None else every / len(x)
    return value if factor == 1 else value * factor


def repeat(x: Tensor, steps: int) -> Tensor:
    """Return an input of one step `[1, B, *]` in so many equal steps, which take no memory.

    Raises:
        ContractError: it has several steps already, and not so many.
    """
    if len(x) not in (1, steps):
        raise ContractError(
            f"an input has {len(x)} steps, but {steps} are asked for; give inputs of one step"
        )
    return x.expand(steps, *x.shape[1:])


def feed(v: Tensor, every: int | None, steps: int) -> Tensor:
    """Return steps `[T, B, *]` of which `v` `[B, *]` is the value, given as a bias is."""
    if every is None:
        return v.unsqueeze(0)
    if every == 1:
        return v.expand(steps, *v.shape)
    x = v.new_zeros(steps, *v.shape)
    x[::every] = v * (steps / every / len(range(0, steps, every)))
    return x


@torch.no_grad()
def respond(neuron: SpikingNeuron, v: Tensor, steps: int = 1) -> Tensor:
    """Return the decoded value `[B, C, *]` that a neuron gives to constant potentials `[B, C, *]`.

    Args:
        neuron: any; one of a window takes them in one step.
        v: potentials.
        steps: time steps, for a clocked neuron.
    """
    every = neuron.bias_every
    return decode(neuron(feed(v, every, steps)), every)
