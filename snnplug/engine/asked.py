"""Registered things that a command names: names alone, or tables as a recipe writes them."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug.errors import RecipeError, SnnplugError
from snnplug.recipe.section import Table
from snnplug.recipe.tables import named_table
from snnplug.registry.component import Component
from snnplug.registry.registry import Registry

__all__ = ["asked_components", "parse_use"]


def parse_use(text: str, kind: str) -> str | Table:
    """Return a thing as a recipe writes it: a name, or a table `{ use = "name", ... }`.

    Raises:
        RecipeError: it is neither.
    """
    try:
        table = named_table(text)
    except ValueError as error:
        raise RecipeError([f"the {kind.replace('_', ' ')} {error}"]) from error
    return text if table == {"use": text} else table


def asked_components(
    kind: str, named: Iterable[str | Table], registry: Registry, key: str
) -> list[Component]:
    """Resolve all, and say all mistakes together.

    Args:
        kind: of the things.
        named: names or tables.
        registry: where they are looked up.
        key: what messages call the list.

    Raises:
        RecipeError: one is not known, or has a wrong parameter.
    """
    found, problems = [], []
    for i, one in enumerate(named):
        table, where = {"use": one} if isinstance(one, str) else one, f"{key}.{i}"
        try:
            component = registry.component(kind, table, where)
            problems += component.check(where)
            found.append(component)
        except SnnplugError as error:
            problems.append(str(error) if str(error).startswith(where) else f"{where}: {error}")
    if problems:
        raise RecipeError(problems)
    return found
