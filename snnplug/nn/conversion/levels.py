"""The lowest and the highest value that a neuron can send, beyond which a code cuts off."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from snnplug.nn.code import WindowNeuron, is_used
from snnplug.nn.conversion.decoding import respond
from snnplug.nn.neuron import SpikingNeuron

__all__ = ["levels_of"]

_HUGE = 1e9  # a potential above all codes, whose sums over time are still numbers


@torch.no_grad()
def levels_of(neuron: SpikingNeuron, sent: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Return the lowest level above 0 and the highest, each in a shape that broadcasts to `[B, C, *]`.

    Those of a code are in its table. A clocked neuron has no table: its highest level is what it sends for a
    huge potential, its lowest the least that it has sent, channel by channel.

    Args:
        neuron: any.
        sent: decoded values `[B, C, *]` that it has sent.
        steps: time steps of its input.
    """
    if isinstance(neuron, WindowNeuron):
        code = neuron.corrected()
        levels, used = code.levels, is_used(code.edges)
        lowest = levels.masked_fill(~used | (levels <= 0), math.inf).amin(-1)
        highest = levels.masked_fill(~used, -math.inf).amax(-1)
        if levels.ndim == 1:
            return lowest, highest
        shape = (-1, *[1] * (sent.ndim - 2))
        return lowest.view(shape), highest.view(shape)
    axes = [axis for axis in range(sent.ndim) if axis != 1]
    lowest = sent.masked_fill(sent <= 0, math.inf).amin(axes, keepdim=True)[0]
    if neuron.analog:
        return torch.zeros_like(lowest), torch.full_like(lowest, math.inf)
    return lowest, respond(neuron, torch.full_like(sent[:1], _HUGE), steps)[0].nan_to_num(math.inf)
