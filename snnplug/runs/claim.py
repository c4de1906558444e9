"""Whose a run directory is: claimed by making it, held by a lock that goes with the process."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from snnplug.errors import RunDirectoryError

__all__ = ["claim_directory", "hold", "holder"]

_LOCK, _OWNER = ".lock", ".owner"
_PATIENCE = 0.2  # seconds: whoever only asks for the holder has the lock for an instant


def claim_directory(name: str) -> Path:
    """Make a directory under runs/ that no other run has, from a name and the time.

    Raises:
        RunDirectoryError: it cannot be made.
    """
    stem = Path("runs") / f"{name}-{datetime.datetime.now().strftime('%Y%m%d-%H%M%S')}"
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            path = stem if number == 1 else stem.with_name(f"{stem.name}-{number}")
            with contextlib.suppress(FileExistsError):  # only one of two processes can make it
                os.mkdir(path)
                return path
    except OSError as error:
        raise RunDirectoryError(f"cannot make the run directory {stem}: {error.strerror}") from error
    raise AssertionError("there is always a next number")


@contextlib.contextmanager
def hold(directory: Path, command: str) -> Iterator[None]:
    """Keep other processes from writing in a directory, and say in it who does.

    Args:
        directory: exists.
        command: what runs in it, for whoever comes after.

    Raises:
        RunDirectoryError: another process holds it.
        OSError: the disk is full or not writable.
    """
    lock, owner = FileLock(directory / _LOCK), directory / _OWNER
    try:
        lock.acquire(timeout=_PATIENCE, poll_interval=0.02)
    except Timeout as error:
        raise RunDirectoryError(
            f"another snnplug is running in {directory}{_described(owner)}; wait for it, or stop it"
        ) from error
    try:
        owner.write_text(json.dumps(_me(command)), encoding="utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):  # the directory may be gone, or the disk
            owner.unlink()
        lock.release()


def holder(directory: Path) -> str | None:
    """Return `: process ...` of whoever holds a directory, None if nobody does."""
    if not (directory / _LOCK).exists():
        return None
    lock = FileLock(directory / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _described(directory / _OWNER)
    except OSError:  # of another user
        return None
    lock.release()
    return None


def _me(command: str) -> dict[str, str | int]:
    since = datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": since, "command": command}


def _described(owner: Path) -> str:
    """Return `: process ...`, nothing where the holder has not said who it is yet."""
    try:
        who = json.loads(owner.read_text(encoding="utf-8"))
        return f": process {who['pid']} on {who['host']} since {who['since']} ({who['command']})"
    except (OSError, ValueError, LookupError, TypeError):
        return ""
