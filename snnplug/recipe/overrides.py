"""Overrides of a recipe from the command line: texts `key=value`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from snnplug.errors import RecipeError

__all__ = ["apply_overrides"]

Table = dict[str, Any]


def apply_overrides(data: Table, overrides: Iterable[str]) -> tuple[Table, dict[str, Any]]:
    """Set keys by `key=value`; a value that is no TOML is taken as text.

    Returns:
        A new table, and the keys that were set, each with what stood there before, or None.

    Raises:
        RecipeError: an override is not of that form, or a key goes through a value.
    """
    result = _deep_copy(data)
    replaced: dict[str, Any] = {}
    problems: list[str] = []
    for override in overrides:
        key, separator, text = override.partition("=")
        parts = [part.strip() for part in key.split(".")]
        if not separator or not all(parts):
            problems.append(f"-s {override!r} is not of the form key=value, such as train.epochs=5")
            continue
        table = result
        for depth, part in enumerate(parts[:-1]):
            table = table.setdefault(part, {})
            if isinstance(table, str):
                table = _replace_name_by_table(result, parts[: depth + 1], table)
            if not isinstance(table, dict):
                problems.append(f"-s {override}: {'.'.join(parts[: depth + 1])!r} is a value, not a table")
                break
        else:
            replaced.setdefault(".".join(parts), table.get(parts[-1]))
            table[parts[-1]] = _parse_value(text.strip())
    if problems:
        raise RecipeError(problems)
    return result, replaced


def _replace_name_by_table(data: Table, path: list[str], name: str) -> Table:
    """Turn `base = "name"` into `base = { use = "name" }` so that it can take parameters."""
    for part in path[:-1]:
        data = data[part]
    data[path[-1]] = {"use": name}
    table: Table = data[path[-1]]
    return table


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text


def _deep_copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _deep_copy(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_deep_copy(v) for v in value]
    return value
