"""The staircase of a coding: the value that it decodes to, over the potential, beside a ReLU."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from snnplug.errors import ContractError
from snnplug.nn.code import Code, WindowNeuron
from snnplug.nn.conversion.decoding import respond
from snnplug.nn.neuron import SpikingNeuron
from snnplug.nn.table import look_up

__all__ = ["staircase"]


def staircase(
    coding: Code | SpikingNeuron,
    low: float,
    high: float,
    points: int = 1001,
    *,
    channel: int = 0,
    shape: tuple[int, ...] = (1,),
    steps: int = 1,
) -> tuple[Tensor, Tensor]:
    """Return potentials and their decoded values d(v), both `[points]`, in float64.

    Args:
        coding: a table or a neuron. To a clocked one a potential is a constant current, and its decoded value
            the mean over time; see `snnplug.nn.trace`.
        low: the smallest potential.
        high: the greatest.
        points: how many, evenly spaced, at least 2.
        channel: of parameters for each channel, those of this one.
        shape: of a sample of a clocked neuron's current, `[C, *]`, where it has parameters for each channel.
        steps: time steps, for a clocked neuron.

    Raises:
        ContractError: there is no such range or no such channel.
    """
    if points < 2 or not low < high:
        raise ContractError(f"a staircase needs low < high and 2 points, got {low}, {high} and {points}")
    x = torch.linspace(low, high, points, dtype=torch.float64)
    if isinstance(coding, SpikingNeuron) and not isinstance(coding, WindowNeuron):
        _check(channel, shape[0])
        potentials = x.view(-1, *[1] * len(shape)).expand(points, *shape)
        sent = respond(copy.deepcopy(coding).cpu().double().eval(), potentials, steps)
        return x, sent[:, channel].flatten(1)[:, 0] if sent.ndim > 2 else sent[:, channel]
    code = coding.code() if isinstance(coding, WindowNeuron) else coding
    edges, levels = code.edges.detach().cpu(), code.levels.detach().cpu()
    if edges.ndim > 1:
        _check(channel, len(edges))
        edges, levels = edges[channel], levels[channel]
    return x, look_up(x.view(-1, 1), edges, levels.double()).view(-1)


def _check(channel: int, channels: int) -> None:
    if not 0 <= channel < channels:
        raise ContractError(f"there is no channel {channel}; the coding has {channels}, counted from 0")
