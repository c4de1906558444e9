"""What rules work with: the values of a network, notes of what was done, and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import fx

__all__ = ["AfterRefusal", "Note", "Refused", "Value", "name_of"]


class Refused(Exception):
    """Why an operation cannot be converted."""


class AfterRefusal(Exception):
    """An operation reads what a refused one would have given, of which not even the shape is usable."""


class Note(NamedTuple):
    """What became of an operation; see `Entry`."""

    what: Literal["converted", "folded", "kept"]
    why: str
    becomes: str = ""


class Value(NamedTuple):
    """A tensor of the model, and what stands for it in the converted network.

    Attributes:
        node: holds it as `[T·B, *]`.
        shape: of a sample.
        lead: axes before those of a sample: 1 for `[B, *]`, 2 for `[1, B, *]`.
        nonnegative: it is never below 0.
    """

    node: fx.Node
    shape: tuple[int, ...]
    lead: int
    nonnegative: bool = False

    def axis(self, axis: int) -> int:
        """Return an axis of the model's tensor as one of `[T·B, *]`.

        Raises:
            Refused: it is not an axis of a sample.
        """
        place = axis % (len(self.shape) + self.lead)
        if place < self.lead:
            raise Refused("works across the samples of a batch, and each must be converted alone")
        return place - self.lead + 1

    def axes(self, axes: int | Sequence[int]) -> list[int]:
        """Return several axes likewise."""
        return [self.axis(axis) for axis in ([axes] if isinstance(axes, int) else axes)]


def name_of(node: fx.Node) -> str:
    """Return the name of a node's operation, in-place or not."""
    target: Any = node.target
    if isinstance(target, torch._ops.OpOverload):
        name = target._schema.name.partition("::")[2]
        return name[:-1] if target._schema.is_mutable and name.endswith("_") else name
    return str(getattr(target, "__name__", target))
