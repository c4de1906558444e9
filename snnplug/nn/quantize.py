"""Weights rounded to the bits of a chip, as they are once batch norms are folded into them.

    q = round(g w / d),  w' = q d / g,  d = max |g w| / (2^(bits-1) - 1)

with g the factor that batch norms put on an output channel. The largest is that of the layer, or of each
output channel. Biases, thresholds and potentials, which have more bits on chips, stay as they are.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from snnplug.contracts.chip import Layer, LayerGraph

__all__ = ["quantized"]


def quantized(
    model: nn.Module, network: LayerGraph, bits: int, *, per_channel: bool = False
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return a copy of a network with rounded weights, and the layers whose weights could not be found.

    Args:
        model: the network.
        network: its layers.
        bits: of a weight with its sign, at least 2.
        per_channel: each output channel has a scale of its own.

    Raises:
        ValueError: there are fewer bits.
    """
    if bits < 2:
        raise ValueError(f"bits must be at least 2, a sign and a digit, got {bits}")
    model, lost = copy.deepcopy(model), []
    modules = dict(model.named_modules())
    for layer in network.weighted:
        weight = getattr(modules.get(layer.name), "weight", None)
        if not isinstance(weight, Tensor):
            lost.append(layer.name)
            continue
        with torch.no_grad():
            weight.copy_(_rounded(weight, _factor(layer, modules, weight), bits, per_channel))
    return model, tuple(lost)


def _rounded(weight: Tensor, factor: Tensor, bits: int, per_channel: bool) -> Tensor:
    """Return weights `[O, *]` as they are after rounding; channels with a factor of 0 send nothing."""
    factor = factor.reshape(-1, *[1] * (weight.ndim - 1))
    folded = weight * factor
    size, inner = folded.abs(), tuple(range(1, weight.ndim))
    largest = size.amax(inner, keepdim=True) if per_channel else size.max()
    step = largest / (2 ** (bits - 1) - 1)
    rounded = torch.where(step > 0, (folded / step).round() * step, folded)
    return torch.where(factor != 0, rounded / factor, weight)


def _factor(layer: Layer, modules: dict[str, nn.Module], weight: Tensor) -> Tensor:
    """Return what folded batch norms multiply each output channel by, `[O]`."""
    factor = torch.ones_like(weight.flatten(1)[:, 0])
    for name in layer.norms:
        norm = modules.get(name)
        variance = getattr(norm, "running_var", None)
        if not isinstance(variance, Tensor) or variance.shape != factor.shape:
            continue
        scale = getattr(norm, "weight", None)
        factor = factor * torch.rsqrt(variance + float(getattr(norm, "eps", 1e-5)))
        factor = factor * scale if isinstance(scale, Tensor) else factor
    return factor
