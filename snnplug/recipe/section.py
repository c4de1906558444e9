"""Tables of a recipe that name registered things, declared where the section is written.

    @attrs.frozen(kw_only=True)
    class SearchSection:
        space: Table = uses("search_space")

From these declarations follow which kind a table is resolved against, where the built-in default
steps in, and what resolved.json holds; nothing else lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import attrs

__all__ = [
    "Goal",
    "Named",
    "Table",
    "Uses",
    "fields_of",
    "goal_of",
    "has_own_name",
    "is_named",
    "named_in",
    "names_one",
    "places_of",
    "uses",
    "uses_all",
    "uses_each",
    "uses_goals",
    "with_goal",
]

Table = dict[str, Any]
Goal = Literal["min", "max"]
_GOAL = "goal"
_KEY = "snnplug_uses"
_NAMED = "snnplug_named"


class Uses(NamedTuple):
    """What a field of a section names.

    Attributes:
        kind: of the registered things.
        form: "table" for one table; "each" for a list of names or tables; "goals" for a mapping from names
            to goals, or to tables of a goal and parameters; "all" for a truth value that stands for
            everything registered with a flag.
        flag: for "all", the fact of the spec that is true.
    """

    kind: str
    form: Literal["table", "each", "goals", "all"]
    flag: str = ""


class Named(NamedTuple):
    """One use in a recipe: its key, such as `search.space`, its kind, and its table."""

    key: str
    kind: str
    table: Mapping[str, Any]


def uses(kind: str, default: Any = attrs.NOTHING) -> Any:
    """Declare a field that is one table `{ use = "name", ... }`; None as default makes it optional."""
    return attrs.field(default=default, metadata={_KEY: Uses(kind, "table")})


def names_one(factory: Callable[[], Table]) -> Any:
    """Declare a table `{ use = "name", ... }` whose names are not of the registry, such as optimizers."""
    return attrs.field(factory=factory, metadata={_NAMED: True})


def is_named(field: attrs.Attribute[Any]) -> bool:
    """Whether a field is one table with `use`, for which the name alone is short."""
    use = field.metadata.get(_KEY)
    return _NAMED in field.metadata or (use is not None and use.form == "table")


def uses_each(kind: str) -> Any:
    """Declare a field that is a list of names or tables, empty by default."""
    return attrs.field(factory=list, metadata={_KEY: Uses(kind, "each")})


def uses_goals(kind: str) -> Any:
    """Declare a mapping from names to "min" or "max", or to `{ goal = "max", parameter = value }`.

    The name is that of what is used, or any other where the table has `use`.
    """
    return attrs.field(factory=dict, metadata={_KEY: Uses(kind, "goals")})


def goal_of(value: str | Table) -> str:
    """Return the goal that a name of such a mapping has."""
    goal: str = value if isinstance(value, str) else value[_GOAL]
    return goal


def has_own_name(value: str | Table) -> bool:
    """Whether what stands under a name of such a mapping says itself what it uses."""
    return not isinstance(value, str) and "use" in value


def with_goal(goal: str | Table, table: Table) -> str | Table:
    """Return what such a mapping has for a table, the goal kept, and `use` where it was given."""
    parameters = {key: value for key, value in table.items() if key != "use" or has_own_name(goal)}
    return {_GOAL: goal_of(goal), **parameters} if parameters else goal_of(goal)


def uses_all(kind: str, flag: str, default: bool = True) -> Any:
    """Declare a truth value that stands for all registered things whose spec has a flag set."""
    return attrs.field(default=default, metadata={_KEY: Uses(kind, "all", flag)})


def fields_of(section: type) -> Iterator[tuple[attrs.Attribute[Any], Uses]]:
    """Yield the fields of a section's class that name registered things."""
    for field in attrs.fields(section):
        if _KEY in field.metadata:
            yield field, field.metadata[_KEY]


def named_in(section: Any, prefix: str = "") -> Iterator[Named]:
    """Yield every use that a section spells out.

    Args:
        section: an instance.
        prefix: the section's own name; empty for the recipe itself.
    """
    for field, use in fields_of(type(section)):
        value, key = getattr(section, field.name), f"{prefix}.{field.name}".lstrip(".")
        if use.form == "table" and value is not None:
            yield Named(key, use.kind, value)
        elif use.form == "each":
            for i, entry in enumerate(value):
                table = {"use": entry} if isinstance(entry, str) else entry
                yield Named(f"{key}.{i}", use.kind, table)
        elif use.form == "goals":
            for name, goal in value.items():
                given = {} if isinstance(goal, str) else {k: v for k, v in goal.items() if k != _GOAL}
                yield Named(f"{key}.{name}", use.kind, {"use": name, **given})
    for field in attrs.fields(type(section)):
        if attrs.has(type(inner := getattr(section, field.name))):
            yield from named_in(inner, f"{prefix}.{field.name}".lstrip("."))


def places_of(section: type, prefix: str = "") -> Iterator[tuple[str, Uses]]:
    """Yield keys and uses of a section's class, those of tables inside it too."""
    for field in attrs.fields(attrs.resolve_types(section)):
        key = f"{prefix}.{field.name}".lstrip(".")
        if _KEY in field.metadata:
            yield key, field.metadata[_KEY]
        elif field.type is not None and attrs.has(field.type):
            yield from places_of(field.type, key)
