"""The parameters of a target: its keyword-only arguments, checked before anything is built.

Arguments before the `*` are supplied by whoever builds the target (a task, a space, a
seed); those after it belong to the user and can be set in a recipe.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any

import attrs

from snnplug.errors import did_you_mean

__all__ = ["Parameter", "check_parameters", "parameters_of"]


@attrs.frozen
class Parameter:
    """One keyword-only argument of a target.

    Attributes:
        name: its name.
        annotation: its type, or `Any` where it has none that can be evaluated here.
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
        """Its type as a reader would write it."""
        if self.annotation is Any:
            return "any"
        if typing.get_origin(self.annotation) is None and inspect.isclass(self.annotation):
            return self.annotation.__name__
        return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])", "", str(self.annotation))  # without module names


def parameters_of(target: Any) -> tuple[dict[str, Parameter], bool]:
    """Return the parameters of a target by name, and whether it takes any others too."""
    function = target.__init__ if inspect.isclass(target) else target
    module = sys.modules.get(getattr(function, "__module__", ""))
    names = vars(module) if module else {}
    found: dict[str, Parameter] = {}
    open_ended = False
    try:
        signature = inspect.signature(target)
    except ValueError:  # written in C, without a signature to read
        return {}, True
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            open_ended = True
        elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            annotation = _evaluate(parameter.annotation, names)
            found[parameter.name] = Parameter(parameter.name, annotation, parameter.default)
    return found, open_ended


def _evaluate(annotation: Any, names: Mapping[str, Any]) -> Any:
    if annotation is inspect.Parameter.empty:
        return Any
    if isinstance(annotation, str):
        try:
            return eval(annotation, dict(names))
        except Exception:  # imported under TYPE_CHECKING only: nothing to check against
            return Any
    return annotation


def check_parameters(target: Any, given: Mapping[str, Any], key: str) -> tuple[dict[str, Any], list[str]]:
    """Check parameters against a target's signature.

    Args:
        target: class or function.
        given: parameters by name.
        key: where they stand in a recipe, for messages.

    Returns:
        The values converted to the annotated types, and a line for each mistake.
    """
    known, open_ended = parameters_of(target)
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
    if annotation is Any or not _is_plain(annotation):
        return value, []
    from snnplug.registry.structure import converter  # costs 0.1 s, and listings never need it

    try:
        return converter().structure(value, annotation), []
    except Exception:  # cattrs nests its reasons; for one value the type says it better
        hint = did_you_mean(value, _choices(annotation)) if isinstance(value, str) else ""
        return value, [f"{key}: {value!r} is not {_describe(annotation)}{hint and '.' + hint}"]


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
