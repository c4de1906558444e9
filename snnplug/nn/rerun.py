"""What is computed again in a backward pass: who remembers how it came about, and what may become of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from torch import Tensor

__all__ = ["again", "give_away", "is_again", "is_spare", "remember", "remembering"]


class _Remembers(Protocol):
    def remember(self, out: Tensor, function: Callable[..., Tensor], *args: Any) -> None: ...


_now: list[_Remembers] = []
_again = 0


def remember(out: Tensor, function: Callable[..., Tensor], *args: Any) -> None:
    """Say that `function(*args)` gives `out` again, to the last bit and without changing anything."""
    if _now:
        _now[-1].remember(out, function, *args)


@contextmanager
def remembering(who: _Remembers) -> Iterator[None]:
    """Let somebody remember."""
    _now.append(who)
    try:
        yield
    finally:
        _now.remove(who)


def is_again() -> bool:
    """Whether what runs now has run before, so that nobody should see it twice."""
    return _again > 0


@contextmanager
def again() -> Iterator[None]:
    """Mark what runs as having run before."""
    global _again
    _again += 1
    try:
        yield
    finally:
        _again -= 1


def give_away(x: Tensor) -> None:
    """Say that nobody reads the memory of a tensor again but the one who gets it."""
    x.untyped_storage().is_spare = True  # type: ignore[attr-defined]


def is_spare(x: Tensor) -> bool:
    """Whether a tensor that a backward pass got may be overwritten."""
    return getattr(x.untyped_storage(), "is_spare", False)
