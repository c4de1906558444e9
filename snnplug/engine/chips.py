"""The layers of a network as a recipe builds it, and what a chip says of them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.contracts import Fit, LayerGraph, Need
from snnplug.engine.parts import Parts
from snnplug.nn import layer_graph
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, refuse

__all__ = ["fit_of", "layers_of", "noise_input"]

_EXPECTED = "a snnplug.Fit with a tuple of snnplug.Needs"


def layers_of(parts: Parts, network: nn.Module) -> LayerGraph:
    """Return the layers of a network, found by one pass of one sample of noise.

    Raises:
        ComponentError: a part of the network fails.
    """
    x = noise_input(parts)
    with parts.calls.running:
        return layer_graph(network, x)


def fit_of(chip: Component, network: LayerGraph) -> Fit:
    """Return how a network fits a chip.

    Raises:
        ComponentError: the chip fails, or gives something else.
        ParameterError: a parameter of it is out of range.
    """
    built: Any = chip.build()
    with calling(chip, _EXPECTED):
        fit: Any = built(network)
        if not isinstance(fit, Fit):
            refuse(chip, _EXPECTED, fit)
        if not isinstance(fit.needs, tuple | list) or not all(isinstance(need, Need) for need in fit.needs):
            refuse(chip, _EXPECTED, fit.needs)
        if not math.isfinite(fit.headroom):
            refuse(chip, "finite numbers as needs and limits", fit.headroom)
        return fit


def noise_input(parts: Parts, samples: int = 1) -> Tensor:
    """Return an encoded input `[T, B, C, H, W]` of noise, of no events where the data has events."""
    data = parts.splits.task
    steps = (data.steps or parts.encoder.steps,) if data.events else ()
    shape = (samples, *steps, *data.input_shape)
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    return parts.encode(noise if data.values == "scaled" else torch.zeros(shape), "layers")
