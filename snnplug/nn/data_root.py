"""Where data sets are kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from snnplug.errors import DataError

__all__ = ["at_home", "data_root"]


def at_home(path: str, advice: str) -> Path:
    """Return a path with `~` and `~name` in it replaced by that home directory.

    Args:
        path: as a user writes it.
        advice: what to set where there is no such home, as in a container that runs under a bare number.

    Raises:
        DataError: there is none.
    """
    place = os.path.expanduser(path)
    if place.startswith("~") and not os.path.exists(place):
        raise DataError(
            f"there is no home directory for {path}; set {advice} to the folder that holds the data"
        )
    return Path(place)


def data_root(root: str | None) -> Path:
    """Return the folder of stored datasets: as given, else `SNNPLUG_DATA`, else `~/.cache/snnplug`.

    Raises:
        DataError: it is below a home directory that is not there.
    """
    path = root or os.environ.get("SNNPLUG_DATA") or "~/.cache/snnplug"
    return at_home(path, "dataset.root, or the environment variable SNNPLUG_DATA,")
