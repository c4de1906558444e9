"""The bytes that a forward pass leaves for the backward pass."""

from __future__ import annotations

import attrs

__all__ = ["Account"]


@attrs.define
class Account:
    """What a forward pass has left, weights and what is smaller than a page not counted.

    Attributes:
        kept: bytes that are kept.
        whole: bytes that would be if nothing were packed or computed again.
        largest: bytes of the largest array among them.
    """

    kept: int = 0
    whole: int = 0
    largest: int = 0
