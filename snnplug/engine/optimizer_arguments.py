"""Arguments of torch's optimizers: what torch does not check would end or spoil a training."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from snnplug.errors import did_you_mean
from snnplug.registry.contain import is_finite

__all__ = ["argument_mistakes"]

_AT_LEAST_0 = ("lr", "weight_decay")
_BELOW_1 = ("momentum",)


def argument_mistakes(
    optimizer: type[torch.optim.Optimizer], given: Mapping[str, Any], key: str
) -> list[str]:
    """Return a line for each argument that is unknown, of the wrong type, or out of range.

    Args:
        optimizer: class whose signature says what there is.
        given: arguments by name.
        key: where they stand in a recipe, for messages.
    """
    signature = inspect.signature(optimizer).parameters
    known = {name: parameter.default for name, parameter in signature.items() if name != "params"}
    lines = []
    for name, value in given.items():
        if name not in known:
            hint = did_you_mean(name, known)
            arguments = ", ".join(known)
            kind = optimizer.__name__.lower()
            lines.append(f"{key}.{name}: {kind} has no such argument.{hint} Arguments: {arguments}")
        elif mistake := _mistake(name, value, known[name]):
            lines.append(f"{key}.{name}: {value!r} {mistake}")
    return lines


def _mistake(name: str, value: Any, default: Any) -> str:
    """Return what is wrong with a value, empty if nothing is; the default tells the type."""
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "is not true or false"
    if isinstance(default, tuple):
        fits = isinstance(value, list | tuple) and len(value) == len(default) and all(map(is_finite, value))
        return "" if fits else f"is not a list of {len(default)} finite numbers"
    if default is None and name not in _AT_LEAST_0:  # what is chosen by the machine where nothing is said
        return "" if isinstance(value, bool | str) else "is neither true or false nor a text"
    if isinstance(default, str):
        return "" if isinstance(value, str) else "is not a text"
    if not is_finite(value):
        return "is not a finite number"
    if name in _AT_LEAST_0 and value < 0:
        return "is less than 0"
    return "is not less than 1" if name in _BELOW_1 and value >= 1 else ""
