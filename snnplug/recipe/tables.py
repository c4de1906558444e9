"""Nested tables by dotted keys."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

__all__ = ["lookup", "named_table", "put"]


def named_table(text: str) -> dict[str, Any]:
    """Return what a name, or the text of an inline table `{ use = "name", ... }`, stands for as a table.

    Raises:
        ValueError: it begins as a table and is none.
    """
    if not text.lstrip().startswith("{"):
        return {"use": text}
    try:
        found: dict[str, Any] = tomllib.loads(f"given = {text}")["given"]
    except tomllib.TOMLDecodeError as error:
        said = f"{text!r} is no inline table of TOML, such as {{ use = 'name', size = 3 }}: {error}"
        raise ValueError(said) from error
    return found


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
