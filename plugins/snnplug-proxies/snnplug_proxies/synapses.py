"""The parts of a network that a proxy tells apart: synaptic layers, norms and neurons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from snnplug.nn import SYNAPTIC, SpikingNeuron, StepwiseBatchNorm2d, outermost

__all__ = ["bypass", "neurons", "norms", "synaptic_layers"]

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, StepwiseBatchNorm2d)


def synaptic_layers(model: nn.Module) -> Iterator[Any]:
    """Yield the convolutions and linear layers outside neurons."""
    return _outside_neurons(model, SYNAPTIC)


def norms(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the normalisation layers outside neurons."""
    return _outside_neurons(model, _NORMS)


def neurons(model: nn.Module) -> Iterator[SpikingNeuron]:
    """Yield the layers of neurons; a neuron inside a neuron is part of it."""
    return _outside_neurons(model, (SpikingNeuron,))


def _outside_neurons(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterator[Any]:
    return (part for _, part in outermost(model, (SpikingNeuron,)) if isinstance(part, kinds))


def bypass(module: Any) -> None:
    """Let a norm or a neuron pass its input on from now on."""
    if isinstance(module, SpikingNeuron):
        module.forward = lambda x, state=None: x if state is None else (x, state)
        module.step = lambda x, state: (x, state)
        return
    module.forward = _identity
    if hasattr(module, "step"):
        module.step = _identity


def _identity(x: Tensor, t: int = 0) -> Tensor:  # also in place of the step of a stepwise batch norm
    return x
