"""Checksums of a run directory's files, so that a byte that was flipped is found.

`checksums.json` holds for each file the SHA-256 of its content and of what it may still hold instead, and
a checksum of its own. It is written before the file it tells of: where the process is killed in between,
the file is the one before, which stays known until another has been written. A directory of an earlier
snnplug has none, and nothing is checked.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from snnplug.errors import RunDirectoryError
from snnplug.seeds import digest

__all__ = [
    "CHECKSUMS",
    "checksum_of",
    "forget_checksum",
    "is_whole",
    "known_files",
    "note_checksum",
    "verified",
    "write_atomically",
]

CHECKSUMS = "checksums.json"
_TRIES = 3  # a reader beside the writer may find a file that is newer than its checksum

T = TypeVar("T")


def write_atomically(target: Path, data: bytes) -> None:
    """Replace a file in one step: after a crash it holds the old or the new content."""
    temporary = target.with_name(f".{target.name}.new")
    try:
        with open(temporary, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def known_files(directory: Path) -> dict[str, list[str]] | None:
    """Return the checksums that files may have, by name; None where the directory has none.

    Raises:
        RunDirectoryError: they are damaged themselves.
    """
    file = directory / CHECKSUMS
    try:
        content = json.loads(file.read_bytes())
        if content["checksum"] != digest(content["files"]):
            raise ValueError
        return {str(name): list(map(str, sums)) for name, sums in content["files"].items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise RunDirectoryError(
            f"{file} is damaged, so the other files cannot be checked; they may be whole: remove it to read "
            "them unchecked"
        ) from error


def is_whole(directory: Path, name: str) -> bool:
    """Whether a file is there and has a checksum that it may have."""
    try:
        return checksum_of(directory / name) in (known_files(directory) or {}).get(name, ())
    except RunDirectoryError:
        return False


def checksum_of(file: Path) -> str:
    """Return the SHA-256 of a file, nothing where it cannot be read."""
    try:
        with open(file, "rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError:
        return ""


def note_checksum(directory: Path, name: str, data: bytes, before: str = "") -> str:
    """Record what a file is going to hold, before it is written.

    Args:
        directory: the run directory.
        name: of the file.
        data: what it is going to hold.
        before: checksum of what it holds now; empty where this process has not written it.

    Returns:
        The checksum.

    Raises:
        RunDirectoryError: the checksums are damaged.
        OSError: the disk is full or not writable.
    """
    files = known_files(directory) or {}
    now = hashlib.sha256(data).hexdigest()
    known = files.get(name, [])
    if not before and len(known) > 1:  # after a kill it may be either
        before = checksum_of(directory / name)
    sums = list(dict.fromkeys([now, *([before] if before in known else known)]))
    if files.get(name) != sums:
        files[name] = sums
        _write(directory, files)
    return now


def forget_checksum(directory: Path, name: str) -> None:
    """Record that a file is going to be removed.

    Raises:
        RunDirectoryError: the checksums are damaged.
        OSError: the disk is full or not writable.
    """
    files = known_files(directory) or {}
    if files.pop(name, None) is not None:
        _write(directory, files)


def _write(directory: Path, files: dict[str, list[str]]) -> None:
    content = {"files": files, "checksum": digest(files)}
    write_atomically(directory / CHECKSUMS, json.dumps(content, indent=2).encode() + b"\n")


def verified(directory: Path, name: str, read: Callable[[Path], tuple[T, str]]) -> T | None:
    """Read a file, and read it again where the checksum is another one.

    Args:
        directory: the run directory.
        name: of the file.
        read: returns what is wanted of the file, and its SHA-256.

    Returns:
        What was read, None where the file does not have its checksum.

    Raises:
        RunDirectoryError: the checksums are damaged.
        OSError: the file is missing or unreadable.
    """
    for _ in range(_TRIES):
        found, now = read(directory / name)
        sums = (known_files(directory) or {}).get(name)
        if sums is None or now in sums:
            return found
    return None
