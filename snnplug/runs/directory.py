"""The run directory: every file is whole or absent, and one process writes at a time.

recipe.toml     the recipe as given            resolved.json  everything resolved
metrics.jsonl   one line per epoch             trials.journal the search, trial by trial
trials.json     the search, readable           activity.json  what the network did
rungs.json      its rungs above the first      candidates/    those that were trained in it
checkpoint.pt   weights and training state     summary.json, report.html
checkpoint.part.pt  the epoch under way, where it is a long one
checksums.json  of all that are replaced whole, but recipe.toml, which may be edited
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from snnplug.errors import RunDirectoryError, SnnplugError, StorageError, one_line
from snnplug.runs.checksums import CHECKSUMS, forget_checksum, note_checksum, verified, write_atomically
from snnplug.runs.claim import claim_directory, hold, holder
from snnplug.runs.damage import damaged, missing, unchecked_files
from snnplug.runs.shared_names import is_shared, shared_refusal
from snnplug.runs.standard_json import to_json

__all__ = ["RunDirectory"]

_EDITABLE = ("recipe.toml",)


class RunDirectory:
    """A run's files.

    Args:
        path: the directory, which exists.
        run: that of the run which it is part of, for messages; None where it is the same.

    Attributes:
        writable: files may be added and replaced; those of a shared run may not.
    """

    writable: ClassVar[bool] = True

    def __init__(self, path: Path, run: Path | None = None) -> None:
        self.path, self.run = path, run or path
        self._held_back: dict[str, bytes | None] = {}
        self._written: dict[str, str] = {}  # checksums of what this process has written

    @classmethod
    def create(cls, path: Path) -> RunDirectory:
        """Make a new run directory.

        Raises:
            RunDirectoryError: it exists and holds files, or cannot be made.
        """
        cls(path).refuse_existing()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"cannot make the run directory {path}: {error.strerror}") from error
        return cls(path)

    @classmethod
    def claim(cls, name: str) -> RunDirectory:
        """Make a new run directory under runs/, which no other run has.

        Raises:
            RunDirectoryError: it cannot be made.
        """
        return cls(claim_directory(name))

    def refuse_existing(self) -> None:
        """Raise `RunDirectoryError` if the path is taken by anything but an empty directory.

        Dot files and checksums do not count: a run that was killed before it began leaves no more.
        """
        path = self.path
        if path.is_dir() and (who := holder(path)) is not None:
            raise RunDirectoryError(
                f"another snnplug is running in {path}{who}; choose another --out, or wait for it"
            )
        self.refuse_taken()

    def refuse_taken(self) -> None:
        """The same for whoever holds the directory already."""
        path = self.path
        names = [entry.name for entry in path.iterdir()] if path.is_dir() else []
        taken = any(not name.startswith(".") and name != CHECKSUMS for name in names)
        if taken or (path.exists() and not path.is_dir()):
            raise RunDirectoryError(
                f"{path} exists already; choose another --out, or continue it with: "
                f"snnplug run --resume {path}"
            )

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Open a run directory that snnplug made.

        Raises:
            RunDirectoryError: it is not there, or is not one of ours.
        """
        if not path.is_dir():
            raise RunDirectoryError(f"there is no run directory {path}")
        if is_shared(path):
            raise shared_refusal(path)
        if not (path / "resolved.json").is_file():
            if (path / CHECKSUMS).exists():
                raise missing(path, "resolved.json")
            raise RunDirectoryError(f"{path} is not a run directory: it has no resolved.json")
        return cls(path)

    def file(self, name: str) -> Path:
        """Return the path of a file in it."""
        return self.path / name

    @contextlib.contextmanager
    def locked(self, command: str = "") -> Iterator[None]:
        """Keep other processes from writing here; the lock goes with the process.

        Args:
            command: what runs here, told to whoever asks for the directory meanwhile.

        Raises:
            RunDirectoryError: another process holds it.
            StorageError: the disk is full or not writable.
        """
        with contextlib.ExitStack() as stack:
            with self.storage_errors("lock"):
                stack.enter_context(hold(self.path, command))
            yield

    @contextlib.contextmanager
    def storage_errors(self, name: str) -> Iterator[None]:
        """Turn whatever the system says against writing a file into one clear message.

        Raises:
            StorageError: the disk is full or not writable, or the run directory is gone.
        """
        try:
            if not self.path.is_dir():  # what writes a file could make it anew, without all that was in it
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path))
            yield
        except SnnplugError:
            raise
        except OSError as error:
            if not self.path.is_dir():
                raise StorageError(
                    f"cannot write {self.file(name)}: the run directory is gone, removed or moved while it "
                    "was in use; put it back and resume it, or start the run again"
                ) from error
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            reason = "the disk is full" if full else error.strerror or one_line(error)
            raise StorageError(
                f"cannot write {self.file(name)}: {reason}; what was finished is kept. "
                f"Mend that, then continue with: snnplug run --resume {self.run}"
            ) from error

    @property
    def is_finished(self) -> bool:
        """Whether there is a result."""
        return self.file("summary.json").exists()

    def set_aside(self, name: str) -> str:
        """Rename a file that is to be replaced, and return the name it is kept under."""
        stem, _, ending = name.rpartition(".")
        names = (f"{stem}.old-{number}.{ending}" for number in itertools.count(1))
        kept = next(name for name in names if not self.file(name).exists())
        with self.storage_errors(kept):
            note_checksum(self.path, kept, self.file(name).read_bytes())
            os.replace(self.file(name), self.file(kept))
            self._written.pop(name, None)
        return kept

    def remove(self, name: str) -> None:
        """Remove a file that is needed no more, if it is there.

        Raises:
            StorageError: the disk is not writable.
        """
        with self.storage_errors(name):
            forget_checksum(self.path, name)
            self.file(name).unlink(missing_ok=True)
            self._written.pop(name, None)

    @contextlib.contextmanager
    def held_back(self) -> Iterator[None]:
        """Keep what is written to files that are there in memory, until `let_go`.

        A result that stands is replaced only when it is known what by. Checkpoints are written at once: one
        that is whole is not trained on, and what is trained must survive.
        """
        names = (entry.name for entry in self.path.iterdir())
        self._held_back = {name: None for name in names if not name.startswith("checkpoint")}
        try:
            yield
        finally:
            self._held_back = {}

    def let_go(self) -> None:
        """Write what was held back."""
        written, self._held_back = self._held_back, {}
        for name, data in written.items():
            if data is not None:
                self.write_bytes(name, data)

    def write_bytes(self, name: str, data: bytes) -> None:
        """Replace a file in one step: after a crash it holds the old or the new content.

        Raises:
            StorageError: the disk is full or not writable.
        """
        if name in self._held_back:
            self._held_back[name] = data
            return
        with self.storage_errors(name):
            now = ""
            if name not in _EDITABLE:
                now = note_checksum(self.path, name, data, self._written.get(name, ""))
            write_atomically(self.file(name), data)
            self._written[name] = now

    def write_text(self, name: str, text: str) -> None:
        """Replace a text file in one step."""
        self.write_bytes(name, text.encode())

    def write_json(self, name: str, value: Any) -> None:
        """Replace a JSON file in one step."""
        self.write_text(name, to_json(value) + "\n")

    def write_lines(self, name: str, records: list[dict[str, Any]]) -> None:
        """Replace a file of one JSON record a line in one step."""
        self.write_text(name, "".join(to_json(record, indent=None) + "\n" for record in records))

    def damaged(self, name: str, what: str | Exception) -> RunDirectoryError:
        """Return the error of a file that cannot be used."""
        return damaged(self.path, name, what)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of it, a sentence each."""
        unknown = unchecked_files(self.path)
        if not unknown:
            return ()
        return (f"{self.path} has no checksums of {', '.join(unknown)}: whether they are whole is not known",)

    def read_bytes(self, name: str) -> bytes | None:
        """Return the content of a file, or None if it is not there.

        Raises:
            RunDirectoryError: it is damaged.
        """
        if (held := self._held_back.get(name)) is not None:
            return held
        try:
            content = verified(self.path, name, _with_checksum)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self.damaged(name, error) from error
        if content is None:
            raise self.damaged(name, _WRONG)
        return content

    def read_text(self, name: str) -> str | None:
        """Return the text of a file, or None if it is not there.

        Raises:
            RunDirectoryError: it is damaged.
        """
        content = self.read_bytes(name)
        try:
            return None if content is None else content.decode()
        except ValueError as error:
            raise self.damaged(name, error) from error

    def read_json(self, name: str) -> Any:
        """Return the content of a JSON file, or None if it is not there.

        Raises:
            RunDirectoryError: it is damaged.
        """
        content = self.read_bytes(name)
        try:
            return None if content is None else json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self.damaged(name, error) from error

    def read_summary(self) -> Any:
        """Return summary.json.

        Raises:
            RunDirectoryError: the run was never finished.
        """
        summary = self.read_json("summary.json")
        if summary is None:
            raise RunDirectoryError(
                f"{self.path} was never finished; continue it with: snnplug run --resume {self.path}"
            )
        return summary

    def save_checkpoint(self, state: dict[str, Any], name: str = "checkpoint.pt") -> None:
        """Write a checkpoint, which loads with `weights_only=True`."""
        import torch

        buffer = io.BytesIO()
        torch.save(state, buffer)
        self.write_bytes(name, buffer.getvalue())

    def load_checkpoint(self, name: str = "checkpoint.pt", *, mapped: bool = False) -> dict[str, Any] | None:
        """Return the content of a checkpoint on the CPU, or None if there is none.

        Args:
            name: of the file.
            mapped: map the file into memory: only the tensors that are used are read, and processes that map
                the same file share them. Who changes one has a copy of its own.

        Raises:
            RunDirectoryError: it is damaged.
        """
        import torch

        file = self.file(name)
        while True:
            state: Any = None
            try:
                with open(file, "rb") as handle:
                    if not verified(self.path, name, _whole):
                        raise self.damaged(name, _WRONG)
                    with contextlib.suppress(Exception):  # torch raises whatever it stumbles over, at length
                        state = torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)
                    replaced = not os.path.samestat(os.fstat(handle.fileno()), os.stat(file))
            except FileNotFoundError:
                return None
            except OSError as error:
                raise self.damaged(name, "it is no checkpoint") from error
            if replaced:  # what was read may be of the one and of the other
                continue
            if not isinstance(state, dict):
                raise self.damaged(name, "it is no checkpoint")
            return state


_WRONG = "it is not what was written: its checksum is another one"


def _with_checksum(file: Path) -> tuple[bytes, str]:
    content = file.read_bytes()
    return content, hashlib.sha256(content).hexdigest()


def _whole(file: Path) -> tuple[bool, str]:
    """Read a large file for its checksum alone."""
    with open(file, "rb") as handle:
        return True, hashlib.file_digest(handle, "sha256").hexdigest()
