"""A shared run: the folder of files that a run is shared as, on a hub or on a disk; read, and not written.

README.md           the model card              config.json    what was run, without the machine
model.safetensors   the trained network         recipe.toml    to repeat it
summary.json        the result                  activity.json  what the network did
trials.jsonl        the search, a candidate a line, those of higher rungs with their `rung`
report.html         the report                  exports/       what the run was exported to

`config.json` holds what `resolved.json` does, and the checksum of the weights. A network is built of it by
the names of installed plugins: nothing in the folder is code, and nothing of it is run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import attrs

from snnplug.errors import RunDirectoryError, UsageError
from snnplug.runs.checksums import checksum_of
from snnplug.runs.damage import UNREADABLE, damaged
from snnplug.runs.directory import RunDirectory
from snnplug.runs.shared_names import CONFIG, FORMAT, TRIALS, WEIGHTS, shared_refusal
from snnplug.seeds import digest

__all__ = ["Shared", "SharedDirectory", "read_weights", "write_weights"]

_OWN = {"resolved.json": CONFIG, "trials.json": TRIALS, "rungs.json": TRIALS}


@attrs.frozen(kw_only=True)
class Shared:
    """What `config.json` says beside what was run.

    Attributes:
        format: of the folder.
        weights: SHA-256 of the file of weights.
        left_out: keys of the recipe whose paths are shortened, as they were of the machine.
    """

    format: int = FORMAT
    weights: str = ""
    left_out: tuple[str, ...] = ()


class SharedDirectory(RunDirectory):
    """A shared run's files, under the names that a run directory has for them."""

    writable = False

    def file(self, name: str) -> Path:
        """Return the path of a file in it."""
        is_checkpoint = name.startswith("checkpoint") and name.endswith(".pt")
        return self.path / (WEIGHTS if is_checkpoint else _OWN.get(name, name))

    def check(self) -> None:
        """Refuse what is no shared run, or one of a form that this version does not know.

        Raises:
            RunDirectoryError: it is.
        """
        config = self.read_json(CONFIG)
        if not isinstance(config, dict) or config.get("library_name") != "snnplug":
            raise RunDirectoryError(
                f"{self.path} holds no run: it has no resolved.json, and its {CONFIG} is not of snnplug"
            )
        if config.get("format") != FORMAT:
            raise RunDirectoryError(
                f"{self.path} has format {config.get('format')!r} of shared runs, and this snnplug reads "
                f"{FORMAT}: pip install --upgrade snnplug"
            )
        if not isinstance(config.get("task"), dict):  # so that no data set has to be built to know it
            raise self.damaged(CONFIG, "it does not say what its network takes")

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of it: nothing."""
        return ()

    def damaged(self, name: str, what: str | Exception) -> RunDirectoryError:
        """Return the error of a file that cannot be used."""
        return damaged(self.path, self.file(name).name, what)

    def read_bytes(self, name: str) -> bytes | None:
        """Return the content of a file, or None if it is not there.

        Raises:
            RunDirectoryError: it cannot be read.
        """
        try:
            content = self.file(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self.damaged(name, error) from error
        return content if self.file(name).name != TRIALS else self._trials(name, content)

    def _trials(self, name: str, content: bytes) -> bytes | None:
        """Return those of the first score, or of higher rungs, as the list that a run directory has."""
        try:
            lines = [json.loads(line) for line in content.splitlines() if line.strip()]
            rungs = [line for line in lines if line.get("rung")]
        except UNREADABLE as error:
            raise self.damaged(name, error) from error
        if name == "rungs.json":
            return json.dumps(rungs).encode() if rungs else None
        return json.dumps([line for line in lines if not line.get("rung")]).encode()

    def load_checkpoint(self, name: str = "checkpoint.pt", *, mapped: bool = False) -> dict[str, Any] | None:
        """Return the weights, as the checkpoint of whichever stage has made the network; None without any.

        Raises:
            RunDirectoryError: they are damaged, or no safetensors.
        """
        if not self.file(WEIGHTS).is_file():
            return None
        known = self.read_json(CONFIG)
        expected = known.get("weights") if isinstance(known, dict) else None
        if not expected or checksum_of(self.file(WEIGHTS)) != expected:
            raise self.damaged(WEIGHTS, f"it is not what {CONFIG} tells of: its checksum is another one")
        summary = self.read_json("summary.json")
        search = summary.get("search") if isinstance(summary, dict) else None
        best = search.get("best") if isinstance(search, dict) else None
        return {"model": read_weights(self.file(WEIGHTS)), "genotype": digest(best)}

    def locked(self, command: str = "") -> NoReturn:
        """Refuse to be written to.

        Raises:
            RunDirectoryError: always.
        """
        raise shared_refusal(self.path)

    def write_bytes(self, name: str, data: bytes) -> None:
        """Refuse to be written to.

        Raises:
            RunDirectoryError: always.
        """
        raise shared_refusal(self.path)


def write_weights(state: Mapping[str, Any], file: Path) -> None:
    """Write parameters and buffers, each tensor whole and for itself, also where some share their memory.

    Raises:
        UsageError: safetensors is not installed, or cannot hold what there is.
    """
    save_file = _safetensors("save_file")
    others = [name for name, value in state.items() if not hasattr(value, "contiguous")]
    if others:
        raise UsageError(f"{', '.join(others[:3])} of the network's state is no tensor, and cannot be shared")
    save_file({name: value.detach().cpu().clone().contiguous() for name, value in state.items()}, file)


def read_weights(file: Path) -> dict[str, Any]:
    """Return the tensors of a file of safetensors by name.

    Raises:
        RunDirectoryError: it holds anything else.
        UsageError: safetensors is not installed.
    """
    load_file = _safetensors("load_file")
    try:
        found: dict[str, Any] = load_file(file)
        return found
    except Exception as error:  # the library has a class of its own, and raises others
        raise damaged(file.parent, file.name, "it holds no safetensors") from error


def _safetensors(name: str) -> Callable[..., Any]:
    try:
        from safetensors import torch
    except ModuleNotFoundError as error:
        raise UsageError(
            'weights of shared runs need safetensors, which is not installed: pip install "snnplug[hub]"'
        ) from error
    found: Callable[..., Any] = getattr(torch, name)
    return found
