"""Distributions on the path, read straight from their `.dist-info` folders.

Importing `importlib.metadata` costs four bare interpreters, most of it for parsing e-mail; a listing and
every Tab would pay it. It is asked only for what is no `.dist-info` folder: an egg, an archive on the path,
the finder of somebody else.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import Any, Protocol

__all__ = ["Distribution", "canonical", "distributions", "entries", "headers"]


class Distribution(Protocol):
    """What is asked of a distribution; those of `importlib.metadata` answer it, too."""

    def read_text(self, filename: str, /) -> str | None:
        """Return the text of a file of its metadata; None if there is none."""


class _DistInfo:
    """A `.dist-info` folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    @property
    def _normalized_name(self) -> str:  # as importlib.metadata has it
        name = os.path.basename(self.folder).removesuffix(".dist-info")
        return canonical(name.partition("-")[0])

    def read_text(self, filename: str) -> str | None:
        try:
            with open(os.path.join(self.folder, filename), encoding="utf-8") as file:
                return file.read()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
            return None


def canonical(name: str) -> str:
    """Return a distribution's name in normal form: lower case, words joined by `-`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions() -> Iterator[Distribution]:
    """Yield the installed distributions in the order of `sys.path`; of equal names the first one counts."""
    for place in sys.path:
        yield from _of_place(place or ".")
    for finder in sys.meta_path:
        if getattr(finder, "__module__", "") != "_frozen_importlib_external":  # Python's own, done above
            yield from getattr(finder, "find_distributions", tuple)()


def _of_place(place: str) -> Iterator[Distribution]:
    try:
        names = os.listdir(place)
    except NotADirectoryError:
        yield from _elsewhere(place)
        return
    except OSError:
        return
    others = False
    for name in names:
        if name.endswith(".dist-info"):
            yield _DistInfo(os.path.join(place, name))
        others = others or name.endswith((".egg-info", ".egg")) or name == "EGG-INFO"
    if others:
        yield from _elsewhere(place)


def _elsewhere(place: str) -> Iterator[Any]:
    from importlib import metadata

    archive, here = os.path.isfile(place), metadata.DistributionFinder.Context(path=[place])
    for found in metadata.MetadataPathFinder.find_distributions(here):
        if archive or not str(getattr(found, "_path", "")).endswith(".dist-info"):
            yield found


def headers(text: str) -> dict[str, list[str]]:
    """Return the fields of METADATA by name in lower case, each with its values; the description is none."""
    found: dict[str, list[str]] = {}
    last: list[str] = []
    for line in text.splitlines():
        if not line:
            break
        name, colon, value = line.partition(":")
        if line[0] in " \t" and last:
            last[-1] += f" {line.strip()}"
        elif colon:
            last = found.setdefault(name.lower(), [])
            last.append(value.strip())
        else:
            break
    return found


def entries(text: str, group: str) -> list[str]:
    """Return the values of a group of entry_points.txt.

    Raises:
        ValueError: a line there is not of the form `name = value`.
    """
    found, inside = [], False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            inside = line[1:-1] == group
        elif inside and line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            if not equals or not name.strip():
                raise ValueError(f"the line {line!r} is not of the form name = module")
            found.append("".join(value.partition("[")[0].split()))  # without extras
    return found
