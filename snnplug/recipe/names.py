"""What the names in a recipe mean, and what else goes by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from snnplug.recipe.plan import Plan
from snnplug.registry.component import Component
from snnplug.registry.registry import Registry

__all__ = ["meanings"]


def meanings(plan: Plan, registry: Registry) -> Iterator[str]:
    """Yield a line for each bare name of a recipe, and for each name that other plugins offer too.

    Args:
        plan: of the recipe.
        registry: in which its names were found.
    """
    for use in plan.recipe.named:
        if (component := plan.get(use.key)) is not None:
            for key, name, meant in _named(use.key, use.table, component):
                others = _others(meant, registry)
                if name == meant.qualified and not others:
                    continue
                means = "" if name == meant.qualified else f" means {meant.qualified}"
                beside = f"; there are also {', '.join(others)}" if others else ""
                yield f"{key}.use: {name}{means}{beside}"


def _named(key: str, table: Mapping[str, Any], component: Component) -> Iterator[tuple[str, str, Component]]:
    """Yield the key, the name and the meaning of a table that names something, and of those inside it."""
    yield key, table["use"], component
    for name, inner in component.parameters.items():
        given = table.get(name)
        if isinstance(inner, Component) and isinstance(given, str | Mapping):
            nested = {"use": given} if isinstance(given, str) else given
            yield from _named(f"{key}.{name}", nested, inner)


def _others(meant: Component, registry: Registry) -> list[str]:
    return [
        registration.qualified
        for registration in registry.list(meant.kind)
        if meant.name in (registration.name, *registration.spec.aliases)
        and registration.qualified != meant.qualified
    ]
