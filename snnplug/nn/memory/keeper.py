"""Keeps what a forward pass saves: as bits, as how to compute it again, or as it is.

An array is known by its storage and version, so that all who save it, or a view of it, share what is kept.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import attrs
import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from snnplug.nn.memory.account import Account
from snnplug.nn.memory.again import Again, Derivation, Given
from snnplug.nn.memory.levels import Levels, as_levels
from snnplug.nn.rerun import give_away

__all__ = ["Keeper"]

_LEAST = 4096  # bytes; what is smaller is kept as it is
_MOST_CALLS = 4  # for an array that is computed again
_MOST_HEAVY = 1
_SMALL, _ALL_SMALL = 0.25, 2.0  # as parts of the largest array, of which several are there at once anyway

Kept: TypeAlias = Levels | Again


@attrs.define(eq=False)
class _Known:
    """An array that is, or was, in memory."""

    storage: StorageWeakRef
    version: int
    dtype: torch.dtype
    bytes: int
    derivation: Derivation | None = None
    kept: Callable[[], Kept | None] = lambda: None
    analog: bool = False  # has too many values for bits
    raw: bool = False  # is kept as it is
    saved: bool = False  # is counted as such
    paid: bool = False  # is counted as kept

    def is_same(self, x: Tensor) -> bool:
        return self.version == x._version and self.dtype == x.dtype and not self.is_gone()

    def is_gone(self) -> bool:
        return bool(self.storage.expired())  # type: ignore[no-untyped-call]


@attrs.frozen(eq=False)
class _View:
    """A view of an array that is kept."""

    kept: Kept
    shape: torch.Size
    strides: tuple[int, ...]
    offset: Any

    def restore(self) -> Tensor:
        x = self.kept.tensor()
        if not self.kept.stays:
            give_away(x)
        return x.as_strided(self.shape, self.strides, self.offset)


class _Source(NamedTuple):
    """An argument of a derivation, and what it is kept as."""

    x: Tensor
    known: _Known
    kept: Kept | None


class Keeper:
    """What `torch.autograd.graph.saved_tensors_hooks` calls; see the module's text.

    Args:
        model: its parameters and buffers are there anyway.
        heavy: compute convolutions and matrix products again, too.
        packs: whether anything is packed at all, and not only counted.
    """

    def __init__(self, model: nn.Module, *, heavy: bool, packs: bool = True) -> None:
        tensors = (*model.parameters(), *model.buffers())
        self.own = {
            x.untyped_storage()._cdata
            for x in tensors
            if not isinstance(x, nn.parameter.UninitializedParameter)
        }
        self.heavy, self.packs = heavy, packs
        self.small = 0  # bytes of products kept though they could be computed again
        self.known: dict[int, _Known] = {}
        self.account = Account()

    def pack(self, x: Tensor) -> Any:
        """Return what is kept of a tensor that the backward pass will ask for; `again.restore` undoes it."""
        known = self.look_up(x)
        if known is None:
            return x.detach()
        self.count(known)
        return self.keep(x, known)

    def look_up(self, x: Tensor) -> _Known | None:
        """Return what is known of a tensor's array; None for one that is kept as it is anyway."""
        if type(x) not in (Tensor, nn.Parameter) or x.layout != torch.strided or x.is_inference():
            return None
        storage = x.untyped_storage()
        if storage.nbytes() < _LEAST or storage._cdata in self.own:
            return None
        known = self.known.get(storage._cdata)
        if known is None or not known.is_same(x):
            self._forget_dead()
            weak = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
            known = _Known(weak, x._version, x.dtype, storage.nbytes())
            self.known[storage._cdata] = known
        return known

    def count(self, known: _Known) -> None:
        """Count an array that is saved."""
        if not known.saved:
            known.saved = True
            self.account.whole += known.bytes
            self.account.largest = max(self.account.largest, known.bytes)

    def remember(self, out: Tensor, function: Callable[..., Tensor], *args: Any) -> None:
        """Remember how an array came about."""
        self.remember_derivation(out, Derivation.of(function, args, {}, heavy=False))

    def remember_derivation(self, out: Any, derivation: Derivation) -> None:
        """Remember how an array came about, unless it is a view of what it came from."""
        known = self.look_up(out) if isinstance(out, Tensor) else None
        if known is None or known.derivation is not None or known.raw or known.kept() is not None:
            return
        mine = out.untyped_storage()._cdata
        given = (leaf.x for leaf in derivation.given if isinstance(leaf, Given))
        if all(type(x) in (Tensor, nn.Parameter) and x.untyped_storage()._cdata != mine for x in given):
            known.derivation = derivation

    def keep(self, x: Tensor, known: _Known) -> Any:
        """Return what is kept of a tensor, and count it."""
        kept = self.packed(x, known)
        if not known.paid:
            known.paid = True
            self.account.kept += known.bytes if kept is None else kept.bytes
        if kept is not None:
            return _View(kept, x.shape, x.stride(), x.storage_offset())
        known.raw, known.derivation = True, None
        return x.detach()

    def settle(self, x: Tensor) -> Kept | None:
        """Decide what a tensor is kept as that will be saved; whoever holds the answer makes it last."""
        known = self.look_up(x)
        return None if known is None or known.derivation is None else self.packed(x, known)

    def packed(self, x: Tensor, known: _Known) -> Kept | None:
        """Return an array as bits or as how to compute it again; None if it has to be kept as it is."""
        kept = known.kept()
        if kept is not None or known.raw or not self.packs:
            return kept
        if not known.analog:
            kept = as_levels(_flat(x))
            known.analog = kept is None
        if kept is None:
            kept = self._again(known)
        if kept is not None:
            known.kept, known.derivation = weakref.ref(kept), None
        return kept

    def _again(self, known: _Known) -> Again | None:
        """Return how to compute an array again, if that keeps less and does not take long."""
        derivation = known.derivation
        if derivation is None or (derivation.heavy and self._is_small(known)):
            return None
        leaves: list[Any] = []
        more, cost, heavy = 0, 1, int(derivation.heavy)
        for leaf in derivation.given:
            if isinstance(leaf, Given):
                if leaf.x._version != leaf.version:
                    return None
                source = self.look_up(leaf.x)
                if source is not None:
                    kept = self.packed(leaf.x, source)
                    if not source.paid:
                        more += source.bytes if kept is None else kept.bytes
                    if kept is not None:
                        cost, heavy = cost + kept.cost, heavy + kept.heavy
                    leaf = _Source(leaf.x, source, kept)
                else:
                    leaf = leaf.x.detach()
            leaves.append(leaf)
        if cost > _MOST_CALLS or heavy > _MOST_HEAVY or 2 * more > known.bytes:
            return None
        settled = [self.keep(leaf.x, leaf.known) if isinstance(leaf, _Source) else leaf for leaf in leaves]
        return Again(derivation, settled, cost, heavy)

    def _is_small(self, known: _Known) -> bool:
        """Whether to keep a product: small arrays take as long, all of them less memory than large ones."""
        largest = self.account.largest
        if known.bytes > largest * _SMALL or self.small + known.bytes > largest * _ALL_SMALL:
            return False
        self.small += known.bytes
        return True

    def _forget_dead(self) -> None:
        for key in [key for key, known in self.known.items() if known.is_gone()]:
            del self.known[key]


def _flat(x: Tensor) -> Tensor:
    """Return all of a tensor's array `[n]` as it lies in memory."""
    count = x.untyped_storage().nbytes() // x.element_size()
    return x.detach().as_strided((count,), (1,), 0)
