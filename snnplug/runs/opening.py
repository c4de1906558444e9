"""The files of a run, wherever they are: in its run directory, or in a folder that it was shared as."""

from __future__ import annotations

from pathlib import Path

from snnplug.runs.directory import RunDirectory
from snnplug.runs.shared import SharedDirectory
from snnplug.runs.shared_names import is_shared

__all__ = ["directory_at", "open_directory"]


def directory_at(path: Path) -> RunDirectory:
    """Return the files of a folder that is there."""
    return SharedDirectory(path) if is_shared(path) else RunDirectory(path)


def open_directory(path: Path) -> RunDirectory:
    """Return the files of a run, to read it.

    Raises:
        RunDirectoryError: the folder is not there, or holds no run, or one that a newer snnplug has shared.
    """
    if not is_shared(path):
        return RunDirectory.open(path)
    shared = SharedDirectory(path)
    shared.check()
    return shared
