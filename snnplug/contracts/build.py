"""What can be built as often as needed: a use of a registered thing, as architectures take it."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Buildable"]


class Buildable(Protocol):
    """Something with parameters of its own that builds a new object at every call."""

    def build(self, *args: Any, **more: Any) -> Any:
        """Return a new object."""
