"""Whether something is being computed again, and who remembers how what is computed now came about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from torch import Tensor

__all__ = ["again", "is_again", "remember", "remembering"]


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
