"""The tensors in what functions take and return."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

__all__ = ["tensors_in"]


def tensors_in(found: Any) -> Iterator[Tensor]:
    """Yield tensors, those inside lists, tuples and dictionaries too."""
    if isinstance(found, Tensor):
        yield found
    elif isinstance(found, list | tuple):
        for one in found:
            yield from tensors_in(one)
    elif isinstance(found, Mapping):
        yield from tensors_in(list(found.values()))
