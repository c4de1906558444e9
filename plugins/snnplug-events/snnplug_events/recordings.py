"""Recordings on the disk, as tonic finds, fetches and reads them, in an order that no file system decides.

G. Lenz et al., "Tonic: event-based datasets and transformations", 2021, doi:10.5281/zenodo.5079802.

tonic wants the archive and every file to be there, or it fetches them; here what is there counts, fetching is
asked for, and files that are fewer than published are warned of.
"""

from __future__ import annotations

import contextlib
import re
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from snnplug.errors import DataError, one_line
from snnplug.nn import data_root
from snnplug.nn.events import Events, fingerprint

__all__ = ["Recordings", "find"]


@attrs.frozen(eq=False)
class Recordings:
    """Some of the recordings of a data set.

    Attributes:
        name: of data set and part, for messages.
        read: the events of a recording by its place in tonic's own order, a structured array.
        places: which recordings, in tonic's order `[N]`.
        labels: class indices `[N]`.
        identity: what tells these files from others.
        class_names: names of all classes.
    """

    name: str
    read: Callable[[int], Any]
    places: Tensor
    labels: Tensor
    identity: str
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, indices: Tensor, name: str) -> Recordings:
        """Return some of them under another name."""
        return attrs.evolve(self, name=name, places=self.places[indices], labels=self.labels[indices])

    def events(self, index: int) -> Events:
        """Return the events of one recording.

        Raises:
            DataError: its file is broken.
        """
        try:
            return Events.from_array(self.read(int(self.places[index])))
        except Exception as error:  # tonic raises whatever its parsers run into
            raise DataError(
                f"sample {index} of {self.name} cannot be read ({one_line(error)}); "
                "remove the broken file, and set download = true or unpack the archive again"
            ) from error


def find(
    name: str, part: str, kind: str, root: str | None, download: bool, expected: int, **arguments: Any
) -> tuple[Any, Recordings]:
    """Return tonic's data set and its recordings, ordered by path, numbers in names by their value.

    Args:
        name: what the user calls it.
        part: which part of it, "" for all.
        kind: tonic's class.
        root: folder of stored data sets, or None.
        download: fetch it if it is not there.
        expected: how many recordings were published.
        arguments: what else tonic's class takes.

    Raises:
        DataError: tonic is not installed, the files are missing, or cannot be fetched.
    """
    base, place = _tonic(name, kind), str(data_root(root))
    found, number, error = _open(base, place, arguments, fetch=False)
    if download and number < expected:
        found, number, error = _open(base, place, arguments, fetch=True)
    if not number:
        raise DataError(_instructions(name, found, download, error)) from error
    if number < expected:
        warnings.warn(
            f"{name}: {number:,} recordings are in {found.location_on_system}, {expected:,} were published; "
            "the archive may not have been unpacked to its end",
            stacklevel=2,
        )
    return found, _ordered(f"{name}-{part}" if part else name, found)


def _open(
    base: Any, root: str, arguments: dict[str, Any], *, fetch: bool
) -> tuple[Any, int, Exception | None]:
    """Return tonic's data set, how many recordings it found, and what stopped it.

    The data set is there even where it could not be opened, as it stood when it looked for its files: its
    addresses are known then.
    """
    asked: list[Any] = []

    def look(self: Any) -> bool:
        asked.append(self)
        self.folder_name = self.folder_name or base.__dict__.get("folder_name", "")  # tonic 1.7 clears it
        return bool(base._check_exists(self)) if fetch else True

    local = type(base.__name__, (base,), {"_check_exists": look})
    try:
        with contextlib.redirect_stdout(sys.stderr):  # tonic prints; its bar is there already
            found = local(root, **arguments)
            if fetch and _unpack_inner(found):
                return _open(base, root, arguments, fetch=False)
            return found, len(found), None
    except Exception as error:  # of the network, of archives, of HDF5
        if not asked:
            raise
        return asked[-1], 0, error


def _ordered(name: str, found: Any) -> Recordings:
    folder = Path(found.location_on_system)
    if not found.data:  # one file for all, in its own order
        labels = _stored_labels(folder / found.data_filename)
        return Recordings(
            name=name,
            read=lambda place: found[place][0],
            places=torch.arange(len(labels)),
            labels=labels,
            identity=fingerprint([folder / found.data_filename]),
            class_names=(),
        )
    paths = [Path(file).relative_to(folder).as_posix() for file in found.data]
    places = sorted(range(len(paths)), key=lambda place: _natural(paths[place]))
    return Recordings(
        name=name,
        read=lambda place: found[place][0],
        places=torch.tensor(places),
        labels=torch.tensor(_indices(found.targets))[places],
        identity=fingerprint(found.data[place] for place in places),
        class_names=_names(found),
    )


def _stored_labels(file: Path) -> Tensor:
    import h5py

    with h5py.File(file, "r") as content:
        return torch.from_numpy(content["labels"][()].astype("int64"))


def _natural(path: str) -> list[tuple[int, str]]:
    """Return a key by which `x_9` comes before `x_10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path)]


def _indices(targets: list[Any]) -> list[int]:
    """Return class indices; names are numbered in their alphabetical order."""
    if all(isinstance(target, int) for target in targets):
        return targets
    numbers = {name: number for number, name in enumerate(sorted(set(targets)))}
    return [numbers[target] for target in targets]


def _names(found: Any) -> tuple[str, ...]:
    if hasattr(found, "classes"):
        return tuple(found.classes)
    return tuple(sorted(set(found.targets)))


def _unpack_inner(found: Any) -> bool:
    """Unpack an archive that lay in an archive, as that of N-Caltech101; return whether there was one."""
    folder, inner = Path(found.location_on_system), getattr(found, "data_filename", "")
    if len(found) or not str(inner).endswith(".zip"):
        return False
    for file in folder.rglob(inner):
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder)
        return True
    return False


def _tonic(name: str, kind: str) -> Any:
    try:
        from tonic import datasets
    except ImportError as error:
        raise DataError(
            f"{name} is read by tonic, which cannot be imported ({error}); "
            "pip install snnplug-events installs it"
        ) from error
    return getattr(datasets, kind)


def _instructions(name: str, found: Any, download: bool, error: Exception | None) -> str:
    folder = Path(found.location_on_system)
    wanted = folder / found.folder_name if found.folder_name else folder
    state = f"{name} cannot be fetched, or not read in {wanted}" if download else f"{name} is not in {wanted}"
    told = error and (download or not isinstance(error, FileNotFoundError))
    reason = f" ({one_line(error)})" if error and told else ""
    names = getattr(found, "data_filename", ())
    inner = [file for file in ([names] if isinstance(names, str) else names) if file.endswith(".zip")]
    too = f", and {inner[0] if len(inner) == 1 else 'the archives'} in it" if inner else ""
    hand = f"fetch {found.url}, save it as {folder / found.filename} and unpack it there{too}"
    return f"{state}{reason}; {hand}" + ("" if download else "; or set download = true")
