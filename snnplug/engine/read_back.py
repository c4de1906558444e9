"""Readers of exported files at work: each in a process of its own, in this Python or in another."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from snnplug.contracts import Reader
from snnplug.errors import RecipeError, did_you_mean

__all__ = ["Place", "Refused", "places", "read_back", "version_there"]

_LIMIT = 1800  # seconds for a reader
_VERSION = (
    "import importlib.metadata as m, importlib.util as u, sys\n"
    "print(m.version(sys.argv[2]) if u.find_spec(sys.argv[1]) else '')"
)


class Refused(Exception):
    """A reader did not read the file; its text says why."""


@attrs.frozen
class Place:
    """Where a reader runs.

    Attributes:
        reader: which.
        python: path of the Python; empty for the one that runs here.
        named: it was asked for by name.
    """

    reader: Reader
    python: str = ""
    named: bool = False


def places(readers: Mapping[str, Reader], named: tuple[str, ...]) -> list[Place]:
    """Return the readers that are asked for, `NAME` or `NAME=PYTHON` each; all of them where none is.

    Raises:
        RecipeError: there is no such reader, or no such Python.
    """
    if not named:
        return [Place(reader) for reader in readers.values()]
    found, problems = [], []
    for text in named:
        name, _, python = text.partition("=")
        path = shutil.which(python) if python else ""
        if name not in readers:
            known = ", ".join(readers) or "none"
            problems.append(
                f"no reader {name!r} of this format.{did_you_mean(name, readers)} Readers: {known}"
            )
        elif path is None:
            problems.append(
                f"the reader {name} is to run in {python!r}, which is no Python that can be started"
            )
        else:
            found.append(Place(readers[name], path, named=True))
    if problems:
        raise RecipeError(problems)
    return found


def version_there(place: Place) -> str:
    """Return the version of what a reader reads with, empty where it is not installed."""
    reader = place.reader
    if place.python:
        command = [place.python, "-c", _VERSION, reader.module, reader.distribution]
        return subprocess.run(command, capture_output=True, text=True, env=_surroundings()).stdout.strip()
    if importlib.util.find_spec(reader.module) is None:
        return ""
    try:
        return importlib.metadata.version(reader.distribution)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def read_back(place: Place, file: Path, inputs: Path, result: Path) -> dict[str, NDArray[np.float64]]:
    """Return what a network of a file answers in a reader, by layer.

    Raises:
        Refused: it does not read the file.
    """
    here = place.python or sys.executable
    command = [here, str(place.reader.script), str(file), str(inputs), str(result)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, env=_surroundings())
    except subprocess.TimeoutExpired:
        raise Refused(f"it took more than {_LIMIT} seconds") from None
    if done.returncode or not result.is_file():
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise Refused(lines[-1] if lines else f"it ended with status {done.returncode}")
    with np.load(result) as answered:
        return {name: answered[name] for name in answered.files}


def _surroundings() -> dict[str, str]:
    """Return the environment without what would lead another Python to packages of this one."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
