"""Listings of large image folders, kept beside the data sets that were fetched.

To list a million files takes minutes on a slow disk, and to look at the time of each of their folders a
moment. A listing holds as long as no folder was changed since. One that was changed just now is not kept: it
might change again within the same tick of the clock.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from snnplug.errors import DataError
from snnplug.nn import data_root

__all__ = ["Listed", "keep_listing", "kept_listing"]

Listed = tuple[str, list[str]]
"""A class and its images."""

_FROM = 10_000  # images from which it pays
_SETTLED = 2.0  # seconds


def kept_listing(place: Path) -> list[Listed] | None:
    """Return the classes below a place with their images, None where they are not known any more."""
    try:
        kept = json.loads(_file(place).read_text(encoding="utf-8"))
        if any(os.stat(folder).st_mtime_ns != changed for folder, changed in kept["changed"].items()):
            return None
        return [(folder, list(files)) for folder, files in kept["folders"]]
    except (OSError, DataError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep_listing(place: Path, walked: Iterable[str], folders: list[Listed]) -> None:
    """Keep a listing, where it is large and there is a place for it.

    Args:
        place: what was listed.
        walked: every folder that was looked into.
        folders: what `kept_listing` returns.
    """
    if sum(len(files) for _, files in folders) < _FROM:
        return
    with contextlib.suppress(OSError, DataError):
        changed = {str(folder): os.stat(folder).st_mtime_ns for folder in walked}
        if max(changed.values()) / 1e9 > time.time() - _SETTLED:
            return
        target = _file(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False, encoding="utf-8") as file:
            json.dump({"changed": changed, "folders": folders}, file)
        os.replace(file.name, target)


def _file(place: Path) -> Path:
    name = hashlib.sha256(os.fsencode(os.path.abspath(place))).hexdigest()[:32]
    return data_root(None) / "listings" / f"{name}.json"
