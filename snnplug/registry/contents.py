"""What a distribution consists of, as one hash: files change oftener than version numbers.

A wheel lists its files with their hashes in RECORD. Of an editable install the sources of its
packages are hashed, to the same result: it does not matter how a plugin was installed.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from importlib import metadata

__all__ = ["content_hash"]

_NOT_CONTENT = ("__pycache__", ".dist-info", ".egg-info")


def content_hash(distribution: str) -> str:
    """Return a hash of a distribution's files; empty if it is not installed or its files are not found."""
    try:
        found = metadata.distribution(distribution)
        lines = sorted(_sources(found) if _is_editable(found) else _recorded(found))
    except (metadata.PackageNotFoundError, OSError, ValueError):
        return ""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] if lines else ""


def _is_editable(found: metadata.Distribution) -> bool:
    direct = json.loads(found.read_text("direct_url.json") or "{}")
    return bool(direct.get("dir_info", {}).get("editable"))


def _recorded(found: metadata.Distribution) -> Iterator[str]:
    for row in csv.reader((found.read_text("RECORD") or "").splitlines()):
        path, known = row[0], row[1] if len(row) > 1 else ""
        if not path.startswith("..") and not any(part.endswith(_NOT_CONTENT) for part in path.split("/")):
            yield f"{path} {known or _hash(str(found.locate_file(path)))}"


def _sources(found: metadata.Distribution) -> Iterator[str]:
    """Yield the files of every package that an entry point names, where Python would import it from."""
    for package in sorted({entry.value.partition(":")[0].partition(".")[0] for entry in found.entry_points}):
        spec = importlib.util.find_spec(package)
        for root in (spec.submodule_search_locations if spec is not None else None) or ():
            for folder, folders, files in os.walk(root):
                folders[:] = [name for name in folders if not name.endswith(_NOT_CONTENT)]
                inside = package + folder.removeprefix(root).replace(os.sep, "/")
                yield from (f"{inside}/{name} {_hash(os.path.join(folder, name))}" for name in files)


def _hash(file: str) -> str:
    """Return a file's hash as RECORD writes it."""
    with open(file, "rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
