"""What can follow a key of a recipe: the candidates for `-s neuron.t<Tab>`. Imports no torch.

A recipe is a tree: sections hold fields; a field that names a registered thing has the parameters of what it
names; a parameter that takes another thing has that one's. Which thing stands where, the recipe says, the
overrides before, or the default recipe.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from snnplug.errors import SnnplugError
from snnplug.recipe.built_in import DEFAULT, built_in_recipes, load_built_in
from snnplug.registry.kinds import KINDS
from snnplug.registry.registry import Registry
from snnplug.registry.unloaded import parameters_in_source

__all__ = ["Candidate", "candidates", "names_of", "recipe_data"]


class Candidate(NamedTuple):
    """What can stand there.

    Attributes:
        text: all of it.
        ends: nothing more is to be typed behind it.
        help: what a shell shows beside it.
    """

    text: str
    ends: bool
    help: str = ""


class _Leaf(NamedTuple):
    """A plain value: what it may be where that is a choice, and what else where nothing of that fits."""

    choices: tuple[str, ...] = ()
    help: str = ""
    longer: tuple[str, ...] = ()

    def beginning(self, text: str) -> list[str]:
        """Return the choices that begin so."""
        short = [choice for choice in self.choices if choice.startswith(text)]
        return short or [choice for choice in self.longer if choice.startswith(text)]


class _Thing(NamedTuple):
    """A table that names a registered thing."""

    kind: str
    table: Mapping[str, Any]


_Children = Mapping[str, Any]  # _Leaf, _Thing, or the children of a section in a function


def candidates(text: str, data: Mapping[str, Any], registry: Registry) -> list[Candidate]:
    """Return what `-s TEXT` can become.

    Args:
        text: as typed so far, such as `neuron.t` or `neuron.use=l`.
        data: the recipe, see `recipe_data`.
        registry: where names are looked up.
    """
    key, equals, value = text.partition("=")
    *path, last = key.split(".")
    children = _below(path, data, registry)
    if equals:
        child = children.get(last)
        leaf = _leaf_of_names(child.kind, registry) if isinstance(child, _Thing) else child
        leaf = leaf if isinstance(leaf, _Leaf) else _Leaf()
        return [Candidate(f"{key}={one}", True) for one in leaf.beginning(value)]
    around = "".join(f"{part}." for part in path)
    return [
        Candidate(f"{around}{name}=", False, child.help)
        if isinstance(child, _Leaf)
        else Candidate(f"{around}{name}.", False, child.kind if isinstance(child, _Thing) else "")
        for name, child in children.items()
        if name.startswith(last)
    ]


def _below(path: list[str], data: Mapping[str, Any], registry: Registry) -> _Children:
    """Return what stands under a path of keys."""
    if path and path[0] in KINDS:  # tables of the recipe itself are called as their kind
        here: Any = _Thing(path[0], _table(data.get(path[0])))
        path = path[1:]
    else:
        here = _root(data)
    for part in path:
        here = _children(here, registry).get(part)
    return _children(here, registry)


def _children(here: Any, registry: Registry) -> _Children:
    if isinstance(here, _Thing):
        return dict(_of_thing(here, registry))
    return here if isinstance(here, Mapping) else {}


def _of_thing(thing: _Thing, registry: Registry) -> Iterator[tuple[str, Any]]:
    yield "use", _leaf_of_names(thing.kind, registry)
    try:
        registration = registry.find(thing.kind, str(thing.table.get("use", "")))
    except SnnplugError:
        return
    spec = registration.spec
    known = parameters_in_source(str(spec.target), KINDS[thing.kind].supplied) or {}
    for name, annotation in known.items():
        if name in spec.components:
            yield name, _Thing(spec.components[name], _table(thing.table.get(name)))
        else:
            yield name, _Leaf(_choices(annotation), annotation)


def _leaf_of_names(kind: str, registry: Registry) -> _Leaf:
    short, longer = names_of(kind, registry)
    return _Leaf(tuple(short), "name", tuple(longer))


def names_of(kind: str, registry: Registry) -> tuple[dict[str, str], dict[str, str]]:
    """Return the names of a kind with their summaries: as short as they may be, and qualified ones."""
    registrations = registry.list(kind)
    bare = [r.name for r in registrations]
    short = {r.name if bare.count(r.name) == 1 else r.qualified: r.spec.summary for r in registrations}
    return short, {r.qualified: r.spec.summary for r in registrations}


def _table(value: Any) -> Mapping[str, Any]:
    """Return a table for what a recipe has in the place of one: a name alone stands for itself."""
    return value if isinstance(value, Mapping) else {"use": value} if isinstance(value, str) else {}


def _choices(annotation: str) -> tuple[str, ...]:
    """Return what a type, as it is written, allows, where that is truth values or a choice of texts."""
    if annotation == "bool":
        return ("true", "false")
    try:
        nodes = list(ast.walk(ast.parse(annotation, mode="eval")))
    except SyntaxError:
        return ()
    literals = [node for node in nodes if isinstance(node, ast.Subscript) and _is_literal(node.value)]
    return tuple(
        node.value
        for literal in literals
        for node in ast.walk(literal.slice)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "Literal"


def _root(data: Mapping[str, Any]) -> _Children:
    """Return the fields of a recipe and its sections."""
    from snnplug.recipe.recipe import Recipe  # loads the stages, which only their keys need
    from snnplug.recipe.stages import sections

    core = {name: child for name, child in _fields(Recipe, data) if name not in ("sections", "overridden")}
    for key, section in sorted(sections().items(), key=lambda item: item[0].count(".")):
        *path, last = key.split(".")
        place: Any = core
        table: Any = data
        for part in path:
            place, table = place[part], _table(table.get(part))
        place[last] = {**dict(_fields(section, _table(table.get(last)))), **place.get(last, {})}
    return core


def _fields(section: type, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    import attrs

    from snnplug.recipe.section import fields_of

    uses = {field.name: use for field, use in fields_of(section)}
    for field in attrs.fields(attrs.resolve_types(section)):
        name, use = field.name.rstrip("_"), uses.get(field.name)
        if use is not None and use.form == "table":
            yield name, _Thing(use.kind, _table(table.get(name)))
        elif attrs.has(field.type):
            yield name, dict(_fields(field.type, _table(table.get(name))))
        else:
            kind = getattr(field.type, "__name__", str(field.type))
            yield (
                name,
                _Leaf(_choices(kind if kind == "bool" else str(field.type).replace("typing.", "")), kind),
            )


def recipe_data(source: str | None, overrides: Iterable[str]) -> Mapping[str, Any]:
    """Return a recipe as plain data with overrides, tables it leaves out from the default; never an error.

    Args:
        source: file or name of a built-in recipe, as typed; None for the default.
        overrides: `key=value` before the one that is completed.
    """
    default = load_built_in(DEFAULT)
    data = {**default, **_read(source)}
    for override in overrides:
        key, _, value = override.partition("=")
        *path, last = key.split(".")
        place: Any = data
        for part in path:
            place[part] = dict(_table(place.get(part)))
            place = place[part]
        place[last] = value
    return data


def _read(source: str | None) -> dict[str, Any]:
    if source is None:
        return {}
    if source in built_in_recipes():
        return load_built_in(source)
    import tomllib

    try:
        with open(source, "rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError):
        return {}
