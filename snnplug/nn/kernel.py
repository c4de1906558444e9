"""Where the fused GPU kernels of another library compute exactly what a neuron asks for.

On a CPU running the sequence block by block is faster, so kernels are used on a GPU only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor

from snnplug.nn.membrane import IntegrateAndFire

__all__ = ["DEVICES", "kernel_surrogate"]

DEVICES = ("cuda",)
_TYPES = (torch.float32, torch.float16, torch.bfloat16)

Theirs = TypeVar("Theirs")


def kernel_surrogate(
    neuron: IntegrateAndFire, x: Tensor, surrogates: Mapping[str, Callable[[float], Theirs]]
) -> Theirs | None:
    """Return a library's surrogate for a neuron, or None where its kernels do not apply.

    Args:
        neuron: its reset and surrogate decide; kernels always reset.
        x: current `[T, B, *]`; its device, type and size decide.
        surrogates: the library's surrogate for an alpha, by the name of the same derivative here.
            Called only where the kernels apply, so the library may be imported inside.
    """
    if x.device.type not in DEVICES or x.dtype not in _TYPES or not x.numel():
        return None
    if torch.compiler.is_compiling():  # a library's kernel would break the graph
        return None
    if neuron.reset == "none" or neuron.surrogate not in surrogates:
        return None
    return surrogates[neuron.surrogate](neuron.alpha)
