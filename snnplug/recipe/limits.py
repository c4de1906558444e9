"""What no recipe is: larger than a mebibyte, nested deeply, with numbers that nothing else would take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from snnplug.errors import RecipeError

__all__ = ["beyond_64_bits", "read_limited", "refuse_deep"]

_LARGEST = 2**20  # bytes; a larger file takes minutes to parse, and is none that somebody has written
_DEEPEST = 50


def read_limited(source: str | Path) -> bytes:
    """Return the content of a file.

    Raises:
        RecipeError: it is too large.
        OSError: it cannot be read.
    """
    with open(source, "rb") as file:
        content = file.read(_LARGEST + 1)  # it may be a device, whose size is 0
    if len(content) > _LARGEST:
        raise RecipeError([f"{source} is larger than {_LARGEST // 2**20} MiB: it is no recipe; give one"])
    return content


def refuse_deep(data: Mapping[str, Any]) -> None:
    """Refuse tables and lists in which looking for anything would exhaust the stack.

    Raises:
        RecipeError: there are more than 50 inside each other.
    """
    level: list[Any] = [data]
    for _ in range(_DEEPEST):
        level = [inner for value in level for _, inner in _entries(value)]
        if not level:
            return
    raise RecipeError([f"a recipe has no more than {_DEEPEST} tables and lists inside each other"])


def beyond_64_bits(value: Any, key: str = "") -> Iterator[str]:
    """Yield the keys of whole numbers that no tensor, file format or other program would take."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield key
    for name, inner in _entries(value):
        yield from beyond_64_bits(inner, f"{key}.{name}".lstrip("."))


def _entries(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, list | tuple) else ()
