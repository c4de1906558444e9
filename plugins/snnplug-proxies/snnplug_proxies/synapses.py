"""The parts of a network that a proxy tells apart: synaptic layers, norms and neurons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from snnplug.nn import SpikingNeuron, StepwiseBatchNorm2d, outermost

__all__ = ["bypass", "neurons", "norms", "synaptic_layers"]

_SYNAPTIC = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, StepwiseBatchNorm2d)


def _outside_neurons(model: nn.Module) -> Iterator[nn.Module]:
    """Yield every module but those inside a neuron."""
    return (part for _, part in outermost(model, (SpikingNeuron,)))


def synaptic_layers(model: nn.Module) -> Iterator[Any]:
    """Yield the convolutions and linear layers outside neurons."""
    return (part for part in _outside_neurons(model) if isinstance(part, _SYNAPTIC))


def norms(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the normalisation layers outside neurons."""
    return (part for part in _outside_neurons(model) if isinstance(part, _NORMS))


def neurons(model: nn.Module) -> Iterator[SpikingNeuron]:
    """Yield the layers of neurons; a neuron inside a neuron is part of it."""
    return (part for part in _outside_neurons(model) if isinstance(part, SpikingNeuron))


def bypass(module: Any) -> None:
    """Let a norm or a neuron pass its input on from now on."""
    if isinstance(module, SpikingNeuron):
        module.forward = lambda x, state=None: x if state is None else (x, state)
        module.step = lambda x, state: (x, state)
        return
    module.forward = _identity
    if hasattr(module, "step"):
        module.step = _identity


def _identity(x: Tensor) -> Tensor:
    return x
