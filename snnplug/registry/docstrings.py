"""What a docstring says of each parameter: its section `Args:` or `Attributes:`, as Google's style has it."""

from __future__ import annotations

import inspect
import re
from typing import Any

__all__ = ["descriptions"]

_HEADING = re.compile(r"(?:Args|Attributes):\n((?:    .*\n|\n)*)")
_ENTRY = re.compile(r"    (\w+(?:, \w+)*)(?: \([^)]*\))?: (.*)")


def descriptions(thing: Any) -> dict[str, str]:
    """Return a line on each parameter or attribute that a docstring names, of a class its bases' too."""
    classes = reversed(thing.__mro__) if inspect.isclass(thing) else [thing]
    found: dict[str, str] = {}
    for one in classes:
        found |= _of_text(inspect.cleandoc(getattr(one, "__doc__", None) or ""))
    return found


def _of_text(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for block in _HEADING.findall(f"{text}\n"):
        names: list[str] = []
        for line in block.splitlines():
            if entry := _ENTRY.fullmatch(line):
                names = entry[1].split(", ")
                found |= {name: entry[2].strip() for name in names}
            else:
                found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
    return found
