"""Comparisons whose message says first what is expected and what can be mended, then how far it is off."""

from __future__ import annotations

from typing import Any

from torch.testing import assert_close

__all__ = ["check_close"]


def check_close(
    found: Any, expected: Any, advice: str, *, exact: bool = False, atol: float | None = None
) -> None:
    """Assert that tensors, or lists or mappings of them, are equal.

    Args:
        found: what came.
        expected: what should have come.
        advice: what is expected, and what the author can set or mend.
        exact: without room for rounding.
        atol: how far apart they may be, in place of what suits their type.
    """
    tolerances = (0, 0) if exact else (None, None) if atol is None else (0, atol)
    assert_close(found, expected, rtol=tolerances[0], atol=tolerances[1], msg=lambda how: f"{advice}\n{how}")
