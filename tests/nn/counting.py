"""Slow and independent counting for the tests of the recorder: one pair of values after the other.

A spike causes one accumulate for each result that it reaches. Here the pairs (input, result) are listed
by walking over every result and every tap, in plain Python, and then summed.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.nn import MembraneState, SpikingNeuron

__all__ = ["Fire", "binary", "by_convolution", "by_matrix"]


class Fire(SpikingNeuron):
    """Integrates and fires at 1 with a soft reset."""

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        v = state.v + x
        spikes = (v >= 1).to(x.dtype)
        return spikes, MembraneState(v - spikes)


def binary(*shape: int, seed: int = 0) -> Tensor:
    """Return random spikes."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).lt(0.4).float()


def by_matrix(spikes: Tensor, weight: Tensor) -> tuple[float, float]:
    """Sum over all triples of a product of rows `[..., K]` with weights `[N, K]`.

    Returns:
        Operations, and those over weights that are not zero.
    """
    operations = effective = 0.0
    for row in spikes.reshape(-1, spikes.shape[-1]).tolist():
        for output in weight.tolist():
            for spike, w in zip(row, output, strict=True):
                operations += abs(spike)
                effective += abs(spike) * (w != 0)
    return operations, effective


def by_convolution(spikes: Tensor, layer: Any) -> tuple[float, float, int]:
    """Sum over all pairs of an input `[N, C, *]` and a tap of a convolution or transposed convolution.

    Returns:
        Operations, those over weights that are not zero, and pairs that are not on padding.
    """
    transposed = isinstance(layer, nn.modules.conv._ConvTransposeNd)
    size, results = tuple(spikes.shape[2:]), tuple(layer(spikes).shape[2:])
    inputs, outputs = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    operations, effective, pairs = 0.0, 0.0, 0
    walk = size if transposed else results
    places = [range(n) for n in (*walk, *layer.kernel_size)]
    for place in itertools.product(*places):
        at, tap = place[: len(size)], place[len(size) :]
        other = tuple(
            i * s - p + k * d
            for i, k, s, p, d in zip(at, tap, layer.stride, layer.padding, layer.dilation, strict=True)
        )
        source, target = (at, other) if transposed else (other, at)
        inside = zip((*source, *target), (*size, *results), strict=True)
        if not all(0 <= i < n for i, n in inside):
            continue
        for group, i, o in itertools.product(range(layer.groups), range(inputs), range(outputs)):
            channel, result = group * inputs + i, group * outputs + o
            w = layer.weight[(channel, o) if transposed else (result, i)][tap]
            count = float(spikes[(slice(None), channel, *source)].abs().sum())
            operations += count
            effective += count * bool(w != 0)
            pairs += len(spikes)
    return operations, effective, pairs
