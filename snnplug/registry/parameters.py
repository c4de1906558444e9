"""The parameters of a target: what a recipe can set of it, checked before anything is built.

The first arguments are supplied by whoever builds the target (a task, a space, a seed); how many, its kind
says. All others that can be named belong to the user. Their types are checked, and the ranges in them.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from snnplug.contracts.ranges import complaint, evaluated, limits_of, without_ranges
from snnplug.errors import did_you_mean

__all__ = ["Parameter", "check_parameters", "parameters_of", "unnamed_parameters"]


@attrs.frozen
class Parameter:
    """One argument of a target that a recipe can set.

    Attributes:
        name: its name.
        annotation: its type with its range, or `Any` where it has none that can be evaluated here.
        default: its default, or `inspect.Parameter.empty`.
    """

    name: str
    annotation: Any
    default: Any

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is inspect.Parameter.empty

    @property
    def type_name(self) -> str:
        """Its type as a reader would write it, without its range."""
        plain = without_ranges(self.annotation)
        if plain is Any:
            return "any"
        if typing.get_origin(plain) is None and inspect.isclass(plain):
            return plain.__name__
        return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])", "", str(plain))  # without module names

    @property
    def limits(self) -> dict[str, Any]:
        """Its range as plain data, such as `{"gt": 0, "le": 1}`; empty for none."""
        return limits_of(self.annotation)


def parameters_of(target: Any, supplied: Sequence[str] = ()) -> tuple[dict[str, Parameter], bool]:
    """Return the parameters of a target by name, and whether it takes any others too.

    Args:
        target: class or function.
        supplied: what its kind supplies in front, see `Kind.supplied`.
    """
    function = target.__init__ if inspect.isclass(target) else target
    while isinstance(function, functools.partial):
        function = function.func
    module = sys.modules.get(getattr(function, "__module__", ""))
    names = vars(module) if module else {}
    found: dict[str, Parameter] = {}
    open_ended = False
    try:
        arguments = _arguments(target, supplied)
    except ValueError:  # written in C, without a signature to read
        return {}, True
    for argument in arguments:
        if argument.kind is argument.VAR_KEYWORD:
            open_ended = True
        elif argument.kind in (argument.KEYWORD_ONLY, argument.POSITIONAL_OR_KEYWORD):
            annotation = evaluated(argument.annotation, names)
            found[argument.name] = Parameter(argument.name, annotation, argument.default)
    return found, open_ended


def unnamed_parameters(target: Any, supplied: Sequence[str] = ()) -> list[str]:
    """Return the arguments of a target that nobody supplies and no recipe can name; there should be none.

    Args:
        target: class or function.
        supplied: as for `parameters_of`.
    """
    try:
        arguments = _arguments(target, supplied)
    except ValueError:
        return []
    return [argument.name for argument in arguments if argument.kind is argument.POSITIONAL_ONLY]


def _arguments(target: Any, supplied: Sequence[str]) -> list[inspect.Parameter]:
    """Return the arguments of a target without those in front that its kind supplies."""
    arguments = list(inspect.signature(target).parameters.values())
    in_front = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positional = [argument for argument in arguments if argument.kind in in_front]
    return [argument for argument in arguments if argument not in positional[: len(supplied)]]


def check_parameters(
    target: Any, given: Mapping[str, Any], key: str, supplied: Sequence[str] = ()
) -> tuple[dict[str, Any], list[str]]:
    """Check parameters against a target's signature.

    Args:
        target: class or function.
        given: parameters by name.
        key: where they stand in a recipe, for messages.
        supplied: as for `parameters_of`.

    Returns:
        The values converted to the annotated types, and a line for each mistake.
    """
    known, open_ended = parameters_of(target, supplied)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in given.items():
        if name in known:
            values[name], mistakes = _convert(value, known[name].annotation, f"{key}.{name}")
            problems += mistakes
        elif open_ended:
            values[name] = value
        else:
            allowed = ", ".join(known) or "none"
            problems.append(
                f"{key}.{name}: unknown parameter.{did_you_mean(name, known)} Parameters: {allowed}"
            )
    for parameter in known.values():
        if parameter.required and parameter.name not in given:
            problems.append(f"{key}.{parameter.name}: missing; it has no default")
    return values, problems


def _convert(value: Any, annotation: Any, key: str) -> tuple[Any, list[str]]:
    plain = without_ranges(annotation)
    if plain is Any or not _is_plain(plain):
        return value, []
    from snnplug.registry.structure import converter  # costs 0.1 s, and listings never need it

    try:
        converted = converter().structure(value, plain)
    except Exception:  # cattrs nests its reasons; for one value the type says it better
        hint = did_you_mean(value, _choices(plain)) if isinstance(value, str) else ""
        return value, [f"{key}: {value!r} is not {_describe(plain)}{hint and '.' + hint}"]
    said = complaint(converted, annotation)
    return converted, [f"{key} {said}"] if said else []


def _choices(annotation: Any) -> list[str]:
    """The texts that a Literal allows."""
    args = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()
    return [arg for arg in args if isinstance(arg, str)]


_PLAIN = (int, float, str, bool, type(None))


def _is_plain(annotation: Any) -> bool:
    """Whether a type is made of numbers, texts, truth values and containers of them only."""
    origin = typing.get_origin(annotation)
    if origin is None:
        return annotation in _PLAIN
    if origin is typing.Literal:
        return True
    if origin in (typing.Union, types.UnionType, list, tuple, dict, set, frozenset) or (
        inspect.isclass(origin) and issubclass(origin, (typing.Sequence, typing.Mapping))
    ):
        return all(arg is Ellipsis or _is_plain(arg) for arg in typing.get_args(annotation))
    return False


def _describe(annotation: Any) -> str:
    words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    if annotation in words:
        return words[annotation]
    if annotation is type(None):
        return "empty"
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return "one of " + ", ".join(map(repr, args))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_describe(arg) for arg in args if arg is not type(None))
    if origin is dict or (inspect.isclass(origin) and issubclass(origin, Mapping)):
        return "a table"
    if origin is tuple and Ellipsis not in args:
        return f"a list of {len(args)}: " + ", ".join(map(_describe, args))
    return "a list of " + " / ".join(_plural(_describe(arg)) for arg in args if arg is not Ellipsis)


def _plural(text: str) -> str:
    if text.startswith("a list of "):
        return text.replace("a list", "lists", 1)
    return f"{text.removeprefix('a ')}s" if text.startswith("a ") else text
