"""Overrides of a recipe from the command line: texts `key=value`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from snnplug.errors import RecipeError

__all__ = ["apply_overrides", "apply_settings"]

Table = dict[str, Any]


def apply_overrides(data: Table, overrides: Iterable[str]) -> tuple[Table, dict[str, Any]]:
    """Set keys by `key=value`; a value that is no TOML is taken as text.

    Returns:
        A new table, and the keys that were set, each with what stood there before, or None.

    Raises:
        RecipeError: an override is not of that form, or a key goes through a value.
    """
    problems: list[str] = []
    settings = []
    for override in overrides:
        key, separator, text = override.partition("=")
        if separator and all(part.strip() for part in key.split(".")):
            settings.append((key, _parse_value(text.strip()), f"-s {override}"))
        else:
            problems.append(f"-s {override!r} is not of the form key=value, such as train.epochs=5")
    result, replaced = _deep_copy(data), dict[str, Any]()
    problems += _set(result, replaced, settings)
    if problems:
        raise RecipeError(problems)
    return result, replaced


def apply_settings(data: Table, settings: Mapping[str, Any]) -> tuple[Table, dict[str, Any]]:
    """Set keys, dotted where they are in tables, to values.

    Returns, Raises:
        As `apply_overrides`.
    """
    result, replaced = _deep_copy(data), dict[str, Any]()
    named = ((key, _deep_copy(value), f"{key} = {value!r}") for key, value in settings.items())
    if problems := _set(result, replaced, named):
        raise RecipeError(problems)
    return result, replaced


def _set(result: Table, replaced: dict[str, Any], settings: Iterable[tuple[str, Any, str]]) -> list[str]:
    """Set keys in place, note what stood there, and return a line for each that goes through a value."""
    problems = []
    for key, value, said in settings:
        parts = [part.strip() for part in key.split(".")]
        table = result
        for depth, part in enumerate(parts[:-1]):
            table = table.setdefault(part, {})
            if isinstance(table, str):
                table = _replace_name_by_table(result, parts[: depth + 1], table)
            if not isinstance(table, dict):
                problems.append(f"{said}: {'.'.join(parts[: depth + 1])!r} is a value, not a table")
                break
        else:
            replaced.setdefault(".".join(parts), table.get(parts[-1]))
            table[parts[-1]] = value
    return problems


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
