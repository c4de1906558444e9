"""A JSON Schema of recipes, made of what is installed: an editor completes and checks a recipe by it.

It says what a recipe may hold, key by key: what the stages' sections and the signatures of registered things
say, in the words of JSON Schema. What depends on several keys at once only `snnplug check` knows.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import attrs

from snnplug.contracts.ranges import limits_of
from snnplug.errors import SnnplugError
from snnplug.recipe.default import default_data
from snnplug.recipe.recipe import Recipe
from snnplug.recipe.section import Goal, Uses, fields_of
from snnplug.recipe.stages import sections
from snnplug.recipe.tables import lookup
from snnplug.registry.docstrings import descriptions
from snnplug.registry.kinds import KINDS
from snnplug.registry.parameters import parameters_of
from snnplug.registry.registration import Registration
from snnplug.registry.registry import Registry

__all__ = ["recipe_schema"]

Schema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_INTERNAL = ("sections", "overridden")  # fields of a Recipe that no file has
_FROM_THE_RECIPE = ("architecture", "search_space")  # kinds that take its neuron where they are given none
_PLAIN = {bool: "boolean", int: "integer", float: "number", str: "string"}
_WORDS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "min_length": "minItems",
    "max_length": "maxItems",
}
_OPERATORS = {">": "gt", ">=": "ge", "<": "lt", "<=": "le"}


def recipe_schema(registry: Registry) -> tuple[Schema, list[str]]:
    """Return the schema of recipes, and a line for each thing whose parameters are not known.

    Args:
        registry: what a recipe may name. Targets are imported.
    """
    return _Writer(registry).schema()


class _Writer:
    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.unknown: list[str] = []

    def schema(self) -> tuple[Schema, list[str]]:
        kinds = {kind: self._kind(kind) for kind in KINDS}
        root = {
            "$schema": _DRAFT,
            "title": "A recipe of snnplug",
            **self._section(Recipe, ""),
            "$defs": kinds,
        }
        for key, section in sorted(sections().items(), key=lambda item: item[0].count(".")):
            *path, last = key.split(".")
            place = root
            for part in path:
                place = place["properties"][part]
            place["properties"][last] = self._section(section, key)
        return root, self.unknown

    # sections

    def _section(self, section: type, key: str) -> Schema:
        words, uses = descriptions(section), {f.name: use for f, use in fields_of(section)}
        properties, required = {}, []
        for field in attrs.fields(attrs.resolve_types(section)):
            name = field.name.rstrip("_")
            if section is Recipe and name in _INTERNAL:
                continue
            use = uses.get(field.name)
            value = self._use(use, f"{key}.{name}".lstrip(".")) if use else self._of_field(field)
            properties[name] = {**_described(words.get(field.name)), **value, **_default(field.default)}
            if field.default is attrs.NOTHING and lookup(default_data(), f"{key}.{name}".lstrip(".")) is None:
                required.append(name)
        return _object(properties, required, (section.__doc__ or "").split("\n", 1)[0])

    def _of_field(self, field: attrs.Attribute[Any]) -> Schema:
        if field.type is None or not attrs.has(field.type):
            return _of_plain_field(field)
        words, uses = descriptions(field.type), {f.name: use for f, use in fields_of(field.type)}
        properties = {}
        for inner in attrs.fields(attrs.resolve_types(field.type)):
            use = uses.get(inner.name)
            value = self._named(use.kind) if use else self._of_field(inner)
            properties[inner.name] = {
                **_described(words.get(inner.name)),
                **value,
                **_default(inner.default),
            }
        return _object(properties, [], (field.type.__doc__ or "").split("\n", 1)[0])

    def _use(self, use: Uses, key: str) -> Schema:
        if use.form == "all":
            return {"type": "boolean"}
        if use.form == "each":
            return {"type": "array", "items": self._named(use.kind)}
        if use.form == "goals":
            goal = _of_type(Goal)
            properties = {"goal": goal, "use": self._named(use.kind)["anyOf"][0]}
            table = {"type": "object", "properties": properties, "required": ["goal"]}
            return {"type": "object", "additionalProperties": {"anyOf": [goal, table]}}
        usual = lookup(default_data(), f"{key}.use")
        if usual is None:
            return {"$ref": f"#/$defs/{use.kind}"}
        try:  # a table that does not say what it uses changes what the default recipe has there
            default = self._thing(self.registry.find(use.kind, usual))
        except SnnplugError:
            return {"$ref": f"#/$defs/{use.kind}"}
        without = {name: one for name, one in default["properties"].items() if name != "use"}
        return {
            "anyOf": [{"$ref": f"#/$defs/{use.kind}"}, {**default, "properties": without, "required": []}]
        }

    # registered things

    def _kind(self, kind: str) -> Schema:
        things = [self._thing(registration) for registration in self.registry.list(kind)]
        contract = {"description": KINDS[kind].contract}
        return {**contract, "anyOf": things} if things else {**contract, "type": "object"}

    def _named(self, kind: str) -> Schema:
        """A registered thing as a name alone, or as a table."""
        names = [name for registration in self.registry.list(kind) for name in self._names(registration)]
        return {"anyOf": [{"enum": names}, {"$ref": f"#/$defs/{kind}"}]}

    def _names(self, registration: Registration) -> list[str]:
        """Return the names that mean this thing and no other."""
        bare = [registration.name, *registration.spec.aliases]
        others = [r for r in self.registry.list(registration.kind) if r is not registration]
        taken = {name for other in others for name in (other.name, *other.spec.aliases)}
        qualified = [f"{registration.plugin}:{name}" for name in bare]
        return [*(name for name in bare if name not in taken), *qualified]

    def _thing(self, registration: Registration) -> Schema:
        spec, kind = registration.spec, KINDS[registration.kind]
        names = self._names(registration)
        use = {"const": names[0]} if len(names) == 1 else {"enum": names}
        properties: Schema = {"use": {"description": spec.summary, **use}}
        try:
            target = registration.load()
            known, open_ended = parameters_of(target, kind.supplied_to(target))
        except SnnplugError as error:
            self.unknown.append(str(error))
            return {**_object(properties, ["use"], spec.summary), "additionalProperties": True}
        words, required = descriptions(target), ["use"]
        for name, parameter in known.items():
            component = spec.components.get(name)
            value = self._named(component) if component else _of_type(parameter.annotation)
            properties[name] = {**_described(words.get(name)), **value, **_default(parameter.default)}
            if parameter.required and not (name == "neuron" and kind.name in _FROM_THE_RECIPE):
                required.append(name)
        return {**_object(properties, required, spec.summary), "additionalProperties": open_ended}


def _object(properties: Schema, required: Sequence[str], description: str) -> Schema:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _described(text: str | None) -> Schema:
    return {"description": text} if text else {}


def _default(value: Any) -> Schema:
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type]
        value = None if value.takes_self else value.factory()
    if isinstance(value, tuple):
        value = list(value)
    plain = isinstance(value, bool | int | str | list | dict) or (
        isinstance(value, float) and math.isfinite(value)
    )
    return {"default": value} if plain else {}


def _of_plain_field(field: attrs.Attribute[Any]) -> Schema:
    schema, limits = _of_type(field.type), _limits_of_validator(field.validator)
    if each := _limited(limits.get("each", {})):
        schema["items"] = {**schema.get("items", {}), **each}
    return {**schema, **_limited(limits)}


def _limits_of_validator(validator: Any) -> dict[str, Any]:
    """Return the range that a validator of attrs checks, as `limits_of` does."""
    found: dict[str, Any] = {}
    for one in getattr(validator, "_validators", (validator,)):
        if member := getattr(one, "member_validator", None):
            found["each"] = _limits_of_validator(member)
        elif operator := _OPERATORS.get(getattr(one, "compare_op", "")):
            found[operator] = one.bound
    return found


def _of_type(annotation: Any) -> Schema:
    """Return the schema of a type with its range; of one that says nothing an empty one."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in _PLAIN:
        return {"type": _PLAIN[annotation]}
    if origin is Annotated:
        return {**_of_type(args[0]), **_limited(limits_of(annotation))}
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (typing.Union, types.UnionType):
        options = [_of_type(arg) for arg in args if arg is not type(None)]  # TOML has no null
        return options[0] if len(options) == 1 else {} if {} in options else {"anyOf": options}
    if origin is tuple and Ellipsis not in args:
        items = {"prefixItems": [_of_type(arg) for arg in args]}
        return {"type": "array", **items, "minItems": len(args), "maxItems": len(args)}
    if origin is list or origin is tuple or origin is Sequence:
        return {"type": "array", "items": _of_type(args[0])}
    if origin is dict or origin is Mapping:
        return {"type": "object", "additionalProperties": _of_type(args[1])}
    return {}


def _limited(limits: Mapping[str, Any]) -> Schema:
    """Return what `limits_of` gives in the words of JSON Schema; entries have their own."""
    return {_WORDS[name]: value for name, value in limits.items() if name in _WORDS}
