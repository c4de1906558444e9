"""What is computed again in the backward pass in place of being kept, and from what.

The same function of the same inputs gives the same bits. Batch norm's gets no running statistics again, so
that they are updated once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from snnplug.nn.rerun import again

__all__ = [
    "CHEAP",
    "HEAVY",
    "POOLS",
    "RELUS",
    "Again",
    "Derivation",
    "Given",
    "autocast_as_now",
    "restore",
    "without_statistics",
]

CHEAP: frozenset[Any] = frozenset(
    {
        F.batch_norm,
        *(torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__),
        *(torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__, torch.neg, Tensor.neg),
        *(torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__),
        *(torch.div, Tensor.div, Tensor.__truediv__),
        *(F.avg_pool1d, F.avg_pool2d, F.avg_pool3d, F.adaptive_avg_pool1d, F.adaptive_avg_pool2d),
        *(
            torch.cat,
            torch.stack,
            Tensor.contiguous,
            Tensor.reshape,
            Tensor.flatten,
            torch.flatten,
            Tensor.clone,
        ),
        *(Tensor.to, Tensor.float, Tensor.half, Tensor.bfloat16),
    }
)
RELUS: frozenset[Any] = frozenset({F.relu, torch.relu, Tensor.relu})  # which save what they return
POOLS: frozenset[Any] = frozenset({F.max_pool1d, F.max_pool2d, F.max_pool3d})  # which keep indices
HEAVY: frozenset[Any] = frozenset(
    {
        *(torch.conv1d, torch.conv2d, torch.conv3d, F.linear, torch.matmul, Tensor.matmul, Tensor.__matmul__),
        *(torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d),
    }
)
_STATISTICS = ("input", "running_mean", "running_var", "weight", "bias", "training")


class Given(NamedTuple):
    """A tensor that was an argument, and its version then."""

    x: Tensor
    version: int


class Derivation(NamedTuple):
    """How an array came about.

    Attributes:
        function: that computed it.
        given: the leaves of its arguments.
        form: of the arguments.
        heavy: whether it multiplies by weights.
        setting: makes the precision in which it ran.
    """

    function: Callable[..., Tensor]
    given: list[Any]
    form: Any
    heavy: bool
    setting: Callable[[], AbstractContextManager[None]]

    @classmethod
    def of(
        cls, function: Callable[..., Tensor], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, heavy: bool
    ) -> Derivation:
        """Return that of a call which is being made."""
        given, form = tree_flatten((args, dict(kwargs)))
        leaves = [Given(leaf, leaf._version) if isinstance(leaf, Tensor) else leaf for leaf in given]
        device = next((leaf.device.type for leaf in given if isinstance(leaf, Tensor)), "cpu")
        return cls(function, leaves, form, heavy, autocast_as_now(device))


class Again:
    """An array that is computed again from what is kept.

    Args:
        derivation: of it.
        leaves: of the arguments, with what was kept in place of tensors.
        cost: how many functions are called for it.
        heavy: how many of them multiply by weights.
    """

    bytes = 0  # its inputs are counted where they are kept

    def __init__(self, derivation: Derivation, leaves: list[Any], cost: int, heavy: int) -> None:
        self.derivation, self.leaves = derivation._replace(given=[]), leaves
        self.cost, self.heavy = cost, heavy
        self.found: Tensor | None = None
        self.stays = derivation.heavy  # what is restored is restored once, for all who ask

    def tensor(self) -> Tensor:
        """Return the array; if it stays, until nobody can ask any more."""
        if self.found is not None:
            return self.found
        args, kwargs = tree_unflatten([restore(leaf) for leaf in self.leaves], self.derivation.form)
        with torch.no_grad(), again(), self.derivation.setting():
            out = self.derivation.function(*args, **kwargs)
        if self.stays:
            self.found = out
        return out


def restore(kept: Any) -> Any:
    """Return what was kept as the tensor it was; anything else is handed back."""
    return kept.restore() if hasattr(kept, "restore") else kept


def autocast_as_now(device: str) -> Callable[[], AbstractContextManager[None]]:
    """Return what makes a context with the precision that is in force now."""
    dtype, enabled = torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
    return lambda: torch.autocast(device, dtype, enabled=enabled)


def without_statistics(
    function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments with which a batch norm computes the same and updates nothing."""
    if function is not F.batch_norm:
        return args, dict(kwargs)
    given = {**dict(zip((*_STATISTICS, "momentum", "eps"), args, strict=False)), **kwargs}
    for name in ("running_mean", "running_var"):
        running = given.get(name)
        if running is not None:
            given[name] = None if given.get("training") else running.detach().clone()
    return (), given
