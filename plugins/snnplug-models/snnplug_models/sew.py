"""How a block of SEW-ResNet connects its spikes with those of its shortcut.

    ADD    g(a, s) = a + s               a 2 counts as two spikes; the identity where a is silent
    AND    g(a, s) = a and s = a s       the identity where a always fires
    IAND   g(a, s) = (not a) and s = (1 - a) s       the identity where a is silent

with a the spikes of the block and s those of the shortcut (Fang et al., NeurIPS 2021, arXiv:2102.04159).
AND and IAND are gates: forward passes choose and multiply nothing, gradients are those of the products.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from snnplug_models.resnet import Connect

__all__ = ["CONNECT", "ConnectName"]

ConnectName: TypeAlias = Literal["ADD", "AND", "IAND"]


class _And(torch.autograd.Function):
    """The product of spikes and values in [0, 1]."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, s: Tensor) -> Tensor:
        ctx.save_for_backward(a, s)
        return torch.minimum(a, s)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        a, s = ctx.saved_tensors
        return grads[0] * s, grads[0] * a


class _Iand(torch.autograd.Function):
    """The product of values in [0, 1] and where there is no spike."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, s: Tensor) -> Tensor:
        ctx.save_for_backward(a, s)
        return (s - a).clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        a, s = ctx.saved_tensors
        return -grads[0] * s, grads[0] * (1 - a)


def _and(a: Tensor, s: Tensor) -> Tensor:
    y: Tensor = _And.apply(a, s)
    return y


def _iand(a: Tensor, s: Tensor) -> Tensor:
    y: Tensor = _Iand.apply(a, s)
    return y


CONNECT: Mapping[ConnectName, Connect] = {"ADD": torch.add, "AND": _and, "IAND": _iand}
"""Functions of the spikes of a block and the values of its shortcut."""
