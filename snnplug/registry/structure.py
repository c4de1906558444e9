"""Plain data to typed values, strictly: "3" is no number, 1 is no truth value, 1.0 is no whole number."""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import cattrs
from cattrs.cols import list_structure_factory
from cattrs.strategies import configure_union_passthrough

from snnplug.errors import did_you_mean

__all__ = ["WrongTypeError", "converter", "explain"]

_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


class WrongTypeError(TypeError):
    """A plain value of the wrong type; its message is meant for the user."""


def _exactly(cls: type, *accepted: type) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) not in accepted or value != value:  # only NaN differs from itself
            raise WrongTypeError(f"{value!r} is not {_WORDS[cls]}")
        return cls(value)

    return structure


@functools.cache
def converter() -> cattrs.Converter:
    """Return the converter that recipes and parameters share."""
    strict = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    strict.register_structure_hook(int, _exactly(int, int))
    strict.register_structure_hook(float, _exactly(float, float, int))
    strict.register_structure_hook(str, _exactly(str, str))
    strict.register_structure_hook(bool, _exactly(bool, bool))
    configure_union_passthrough(str | bool | int | float | None, strict)
    strict.register_structure_hook_factory(_is_list, _list_structurer)
    return strict


def _is_list(cls: Any) -> bool:
    origin, args = typing.get_origin(cls), typing.get_args(cls)
    return origin in (list, Sequence) or (origin is tuple and args[1:] == (...,))


def _list_structurer(cls: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    structure = list_structure_factory(cls, converter)

    def from_list(value: Any, _: Any) -> Any:
        if not isinstance(value, (list, tuple)):  # a text is iterable too, but never meant letter by letter
            raise WrongTypeError(f"{value!r} is not a list")
        elements = structure(value, cls)
        return elements if typing.get_origin(cls) is list else tuple(elements)

    return from_list


def explain(error: Exception, key: str = "") -> list[str]:
    """Turn a failed conversion into lines `key: what was given and what is allowed`."""
    lines = []
    for line in cattrs.transform_error(error, path="@", format_exception=_format):
        message, _, path = line.rpartition(" @ @")
        where = ".".join(
            part for part in (key, path.replace("['", ".").replace("']", "").lstrip(".")) if part
        )
        if rule := re.fullmatch(r"(\w+) (must be .*)", message):  # a validator knows only the last key
            where, message = ".".join(part for part in (where, rule[1]) if part), rule[2]
        lines.append(f"{where}: {message}" if where else message)
    return lines


def _format(error: BaseException, expected: type | None) -> str:
    if isinstance(error, cattrs.errors.ForbiddenExtraKeysError):
        allowed = [field.name for field in attrs.fields(error.cl)]
        given = sorted(error.extra_fields)
        hints = "".join(did_you_mean(name, allowed) for name in given)
        return f"unknown key {', '.join(map(repr, given))}.{hints} Keys: {', '.join(allowed)}"
    if isinstance(error, KeyError):
        return f"the key {error} is missing"
    wants_table = isinstance(error, TypeError) and "is not a table" in str(error)
    if isinstance(error, WrongTypeError) or wants_table:
        return str(error)
    if rule := re.match(r"'(\w+)' (must be .*): (.*)", str(error)):  # attrs' validators
        return f"{rule[1]} {rule[2]}, got {rule[3]}"
    if choice := re.match(r"(.*) not in literal typing.Literal\[(.*)\]", str(error)):
        return f"{choice[1]!r} is not one of {choice[2]}"
    if typing.get_origin(expected) in (list, tuple):
        return "a list is expected"
    other = re.match(r"(.*) \(<class '\w+'>\) not part of typing.Union", str(error))
    if other and (kinds := list(_choices(expected))):
        return f"{other[1]!r} is not one of {', '.join(kinds)}"
    return "a table of keys and values is expected"


def _choices(union: Any) -> Iterator[str]:
    """Yield in words what a union of types and literals takes."""
    for one in typing.get_args(union):
        if typing.get_origin(one) is typing.Literal:
            yield from map(repr, typing.get_args(one))
        elif one in _WORDS:
            yield _WORDS[one]
