"""Ranges of parameters, written in their types.

    from annotated_types import Gt

    @check_ranges
    def my_dataset(*, val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1): ...

    class MyNeuron(SpikingNeuron):                                  # neurons, encoders and losses check
        def __init__(self, *, tau: Annotated[float, Gt(1)] = 2.0):  # theirs without being asked

What stands there is refused in a recipe before anything starts, refused with the same words where the
function is called from Python, and shown by `snnplug show`. NaN and infinity are outside every range.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Annotated, Any, Literal, TypeVar

import annotated_types as at

__all__ = [
    "ChecksRanges",
    "check_ranges",
    "complaint",
    "evaluated",
    "limits_of",
    "without_ranges",
    "words_of",
]

Target = TypeVar("Target", bound=Callable[..., Any])
_BOUNDS = {"gt": "above {}", "ge": "at least {}", "lt": "below {}", "le": "at most {}"}
_HOLDS = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
_NAMES: dict[type, tuple[str, ...]] = {
    at.Gt: ("gt",),
    at.Ge: ("ge",),
    at.Lt: ("lt",),
    at.Le: ("le",),
    at.MinLen: ("min_length",),
    at.MaxLen: ("max_length",),
}
_UNIONS = (typing.Union, types.UnionType)
_SEQUENCES = (list, tuple, Sequence)


def check_ranges(target: Target) -> Target:
    """Let a function or class refuse what is outside the ranges in its signature, with a `ValueError`."""
    if inspect.isclass(target):
        setattr(target, "__init__", _checked(target.__init__))  # noqa: B010
        return target
    checked: Any = _checked(target)
    return typing.cast(Target, checked)


class ChecksRanges:
    """Base of classes whose subclasses check their ranges without a decorator."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "__init__" in vars(cls):
            check_ranges(cls)


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.cache
    def ranges() -> tuple[list[str], dict[str, Any]]:
        """Names in order, and types that may have ranges: read at the first call, when all is defined."""
        names = getattr(inspect.unwrap(function), "__globals__", {})
        parameters = inspect.signature(function).parameters
        found = {name: evaluated(p.annotation, names) for name, p in parameters.items()}
        return list(parameters), {name: one for name, one in found.items() if typing.get_args(one)}

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        order, ranged = ranges()
        for name, value in (*zip(order, args, strict=False), *kwargs.items()):
            if name in ranged and (said := complaint(value, ranged[name])):
                raise ValueError(f"{name} {said}")
        return function(*args, **kwargs)

    return checked


def evaluated(annotation: Any, names: Mapping[str, Any]) -> Any:
    """Return a type from an annotation, `Any` where it has none that can be evaluated with these names."""
    if annotation is inspect.Parameter.empty:
        return Any
    if isinstance(annotation, str):
        try:
            return eval(annotation, dict(names))
        except Exception:  # imported under TYPE_CHECKING only: nothing to check against
            return Any
    return annotation


def complaint(value: Any, annotation: Any) -> str:
    """Return `must be above 1, got 0.5` for a value outside the range of its type; empty for one inside.

    Of a value of another type little is said here: what cannot be a number at all is none.
    """
    wanted = _wanted(value, annotation)
    return wanted and f"must {wanted}, got {list(value) if isinstance(value, tuple) else value!r}"


def limits_of(annotation: Any) -> dict[str, Any]:
    """Return the range of a type as plain data.

    Returns:
        Empty for none, else some of `gt`, `ge`, `lt`, `le`; `min_length`, `max_length` for the number of
        entries; `each` for the range of an entry.
    """
    base, limits = _split(annotation)
    if typing.get_origin(base) in _UNIONS:
        for option in typing.get_args(base):
            limits |= limits_of(option)
    elif each := next(filter(None, map(limits_of, _entry_types(base))), None):
        limits["each"] = each
    return limits


def words_of(limits: Mapping[str, Any]) -> str:
    """Return what `limits_of` gives in words: `above 0 and at most 1`; empty for no range."""
    words = _words_of_bounds(limits)
    if "min_length" in limits or "max_length" in limits:
        words.append(_words_of_length(limits))
    if "each" in limits:
        words.append(f"{words_of(limits['each'])} each")
    return _joined(words)


def without_ranges(annotation: Any) -> Any:
    """Return a type without its ranges: `float | None` for `Annotated[float, Gt(0)] | None`."""
    base, _ = _split(annotation)
    origin, args = typing.get_origin(base), typing.get_args(base)
    if not args or origin is Literal:
        return base
    plain = tuple(without_ranges(arg) for arg in args)
    if origin in _UNIONS:
        return functools.reduce(operator.or_, plain)
    return base if plain == args or origin not in (*_SEQUENCES, dict, Mapping) else origin[plain]


def _split(annotation: Any) -> tuple[Any, dict[str, Any]]:
    """Return a type without what annotates it as a whole, and the limits that this sets."""
    if typing.get_origin(annotation) is not Annotated:
        return annotation, {}
    base, *constraints = typing.get_args(annotation)
    limits: dict[str, Any] = {}
    for constraint in constraints:
        for one in constraint if isinstance(constraint, at.GroupedMetadata) else [constraint]:
            limits |= {name: getattr(one, name) for name in _NAMES.get(type(one), ())}
    return base, limits


def _wanted(value: Any, annotation: Any) -> str:
    """Return what a value must do to be inside, such as `be above 1`; empty if it is."""
    base, limits = _split(annotation)
    origin, args = typing.get_origin(base), typing.get_args(base)
    if origin in _UNIONS:
        options = [option for option in args if _may_be(value, option)] or args[:1]
        said = [_wanted(value, option) for option in options]
        return said[0] if all(said) else ""
    if origin is Literal and _may_be(value, base):
        return "" if value in args else f"be one of {', '.join(map(repr, args))}"
    if _may_be(value, float) and set(limits) & set(_BOUNDS):
        if not math.isfinite(value):
            return f"be {_joined(['finite', *_words_of_bounds(limits)])}"
        inside = all(_HOLDS[name](value, limits[name]) for name in _BOUNDS if name in limits)
        return "" if inside else f"be {words_of(limits)}"
    if isinstance(value, str | list | tuple | dict | None) and set(limits) & set(_BOUNDS):
        return f"be a number {words_of(limits)}"
    if isinstance(value, list | tuple | dict | str):
        if not limits.get("min_length", 0) <= len(value) <= (limits.get("max_length") or math.inf):
            return f"have {_words_of_length(limits)}"
        types = _entry_types(base)
        entries = value.values() if isinstance(value, dict) else () if isinstance(value, str) else value
        pairs = zip(entries, types * len(value) if len(types) == 1 else types, strict=False)
        said = [_wanted(entry, one) for entry, one in pairs]
        return next((f"{words} each" for words in said if words), "")
    return ""


def _entry_types(base: Any) -> list[Any]:
    """Return the types of the entries of a list, tuple or table, one if they are all of the same."""
    args = [arg for arg in typing.get_args(base) if arg is not Ellipsis]
    if typing.get_origin(base) in (dict, Mapping):
        return args[1:]
    return args if typing.get_origin(base) in _SEQUENCES else []


def _may_be(value: Any, option: Any) -> bool:
    """Whether a value is of a type, its range aside."""
    base, _ = _split(option)
    origin = typing.get_origin(base)
    if origin is Literal:
        return any(type(arg) is type(value) for arg in typing.get_args(base))
    if base in (int, float):
        return isinstance(value, Integral if base is int else Real) and not isinstance(value, bool)
    if origin in _SEQUENCES:
        return isinstance(value, list | tuple)
    kind = type(None) if base is None else origin or base
    return isinstance(value, kind) if inspect.isclass(kind) else True


def _words_of_bounds(limits: Mapping[str, Any]) -> list[str]:
    return [text.format(limits[name]) for name, text in _BOUNDS.items() if name in limits]


def _joined(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def _words_of_length(limits: Mapping[str, Any]) -> str:
    most, least = limits.get("max_length"), limits.get("min_length", 0)
    words = [f"at least {least}"] if least else []
    words += [f"at most {most}"] if most is not None else []
    return f"{' and '.join(words)} entr{'y' if words[-1].endswith(' 1') else 'ies'}"
