"""Functions that save what they return: how to compute it again is known once they have returned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from snnplug.nn.memory.again import Derivation, restore
from snnplug.nn.memory.keeper import Keeper

__all__ = ["run_late"]


class _Late:
    """What will be kept of a tensor."""

    def __init__(self, x: Tensor) -> None:
        self.kept: Any = x

    def restore(self) -> Any:
        return restore(self.kept)


def run_late(keeper: Keeper, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Call a function, and decide afterwards what is kept of the tensors that it saved."""
    saved: list[_Late] = []

    def pack(x: Tensor) -> _Late:
        saved.append(_Late(x))
        return saved[-1]

    with saved_tensors_hooks(pack, restore):
        out = function(*args, **kwargs)
    if torch.is_grad_enabled():
        keeper.remember_derivation(out, Derivation.of(function, args, kwargs, heavy=False))
    for late in saved:
        late.kept = keeper.pack(late.kept)
    return out
