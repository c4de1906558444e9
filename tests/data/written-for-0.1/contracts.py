"""Print what plugins can rely on, as it is now: python contracts.py > contracts.txt

A line for each public name, behind it its parameters, a `*` before one that must be given; `-` for what is
not called. The methods of classes stand there too, without the checks of the kit.
"""

from __future__ import annotations

import inspect
from typing import Any

import snnplug
import snnplug.errors
import snnplug.nn
import snnplug.nn.events
import snnplug.testing
from snnplug.registry import hookspecs

STABLE = (snnplug, snnplug.nn, snnplug.nn.events, snnplug.errors, snnplug.testing)


def parameters(thing: Any) -> list[str] | None:
    """Return the names of what something is called with, None for what is not called."""
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        return []
    try:
        known = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return None
    return [
        f"*{p.name}" if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) else p.name
        for p in known
    ]


def contracts() -> dict[str, list[str] | None]:
    """Return parameters by qualified name."""
    found: dict[str, list[str] | None] = {}
    for module in STABLE:
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.ismodule(thing):
                continue
            found[f"{module.__name__}.{name}"] = parameters(thing)
            if inspect.isclass(thing) and not issubclass(thing, BaseException):
                for method, value in inspect.getmembers(thing, inspect.isfunction):
                    ours = (value.__module__ or "").startswith("snnplug") and not method.startswith(
                        ("_", "test_")
                    )
                    if ours:
                        found[f"{module.__name__}.{name}.{method}"] = parameters(value)
    for name, value in vars(hookspecs).items():
        if name.startswith("snnplug_"):
            found[f"hook {name}"] = parameters(value)
    return dict(sorted(found.items()))


if __name__ == "__main__":
    for name, known in contracts().items():
        print(name, "-" if known is None else f"({', '.join(known)})")
