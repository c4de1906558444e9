"""Weights with the batch norms behind them folded in.

    y = f (W x + b - mean) + beta,   f = gamma / sqrt(var + eps)

What several layers add up before a norm is scaled in each of them, and shifted in the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnplug import LayerGraph
from snnplug.errors import ExportError

__all__ = ["Weights", "folded_weights", "norm_factors"]


class Weights(NamedTuple):
    """Weight `[O, *]` and bias `[O]` of a layer, in float64 until they are written."""

    weight: Tensor
    bias: Tensor


def folded_weights(network: LayerGraph, modules: Mapping[str, nn.Module]) -> dict[str, Weights]:
    """Return the weights of every convolution and fully connected layer.

    Raises:
        ExportError: weights of a layer cannot be found, or a norm does not normalise by running statistics.
    """
    found: dict[str, Weights] = {}
    reasons = []
    for layer in network.weighted:
        weight = getattr(modules.get(layer.name), "weight", None)
        if not isinstance(weight, Tensor):
            reasons.append(f"the weights of {layer.name} belong to no module; use a layer of torch.nn there")
            continue
        bias = getattr(modules[layer.name], "bias", None)
        shift = bias.detach().double() if isinstance(bias, Tensor) else weight.new_zeros(len(weight)).double()
        found[layer.name] = Weights(weight.detach().double(), shift)
    if reasons:
        raise ExportError(reasons)
    shifted = set()
    for layer in network.weighted:
        for norm in layer.norms:
            factor, shift = norm_factors(norm, modules, len(found[layer.name].bias))
            weight, bias = found[layer.name]
            wide = factor.reshape(-1, *[1] * (weight.ndim - 1))
            added = torch.zeros_like(shift) if norm in shifted else shift
            found[layer.name] = Weights(weight * wide, bias * factor + added)
            shifted.add(norm)
    return found


def norm_factors(name: str, modules: Mapping[str, nn.Module], channels: int) -> tuple[Tensor, Tensor]:
    """Return what a batch norm multiplies each channel by, and what it adds, `[C]` each, in float64.

    Raises:
        ExportError: it does not normalise by one mean and variance a channel.
    """
    norm = modules.get(name)
    mean, variance = getattr(norm, "running_mean", None), getattr(norm, "running_var", None)
    ours = isinstance(mean, Tensor) and isinstance(variance, Tensor)
    if not ours or mean.shape != (channels,) or variance.shape != (channels,):
        raise ExportError(
            [f"{name} has not one mean and variance a channel for all steps; train it with shared statistics"]
        )
    factor = torch.rsqrt(variance.double() + float(getattr(norm, "eps", 1e-5)))
    scale, offset = getattr(norm, "weight", None), getattr(norm, "bias", None)
    if isinstance(scale, Tensor):
        factor = factor * scale.detach().double()
    shift = -mean.double() * factor
    return factor, shift + offset.detach().double() if isinstance(offset, Tensor) else shift
