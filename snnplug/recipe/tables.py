"""Nested tables by dotted keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["lookup", "put"]


def lookup(data: Any, key: str) -> Any:
    """Return what stands under a dotted key of nested tables, or None."""
    for part in key.split("."):
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def put(data: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Set a dotted key of nested tables; tables on the way are made, lists are entered by position."""
    *path, last = key.split(".")
    place: Any = data
    for part in path:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    place[int(last) if isinstance(place, list) else last] = value
    return data
