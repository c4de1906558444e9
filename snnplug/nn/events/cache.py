"""Frames of a whole split, built once into one file and mapped into memory afterwards.

Only the pages that a batch needs are read, and the system keeps them as long as there is room. The file is
written under a temporary name and renamed at the end, so a kill leaves nothing that looks whole; of two
processes that want the same frames the second one waits for the first.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from snnplug.errors import DataError, StorageError

__all__ = ["cached_frames", "fingerprint"]

_FORMAT = 1  # to be raised where the same settings give other frames


def fingerprint(files: Iterable[str | Path]) -> str:
    """Return a hash of the paths, sizes and times of files, which changes when their contents do.

    Raises:
        DataError: a file is missing.
    """
    seen = hashlib.sha256()
    for file in files:
        try:
            facts = os.stat(file)
        except OSError as error:
            raise DataError(f"{file} cannot be read: {error.strerror}") from error
        seen.update(f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return seen.hexdigest()


def cached_frames(
    folder: str | Path, name: str, key: Mapping[str, Any], number: int, build: Callable[[int], Tensor]
) -> Tensor:
    """Return the frames `[N, *]` of N samples, a view of a file; they are built where there is none.

    What is written to the tensor stays in memory and does not reach the file.

    Args:
        folder: of the cache; made where it is not there.
        name: of the data set and split, the beginning of the file's name.
        key: everything that the frames depend on, settings and the source's `fingerprint`.
        number: N, at least 1.
        build: the frames of one sample, always of the same shape and type.

    Raises:
        DataError: a sample cannot be read, or has frames of another shape or type than the first one.
        StorageError: the disk is full, or the folder not writable.
    """
    text = json.dumps({"format": _FORMAT, "number": number, **key}, sort_keys=True)
    file = Path(folder) / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.npy"
    if not file.exists():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{file}.lock"):
                if not file.exists():
                    _write(file, name, number, build)
        except OSError as error:
            if isinstance(error, DataError):
                raise
            raise StorageError(
                f"the frames of {name} cannot be kept in {file.parent}: {error.strerror or error}; "
                "make room, or name another folder"
            ) from error
    return torch.from_numpy(np.load(file, mmap_mode="c"))  # "c", for torch warns of what may not be written


def _write(file: Path, name: str, number: int, build: Callable[[int], Tensor]) -> None:
    first = _built(build, 0, name)
    size = number * first.numel() * first.element_size()
    free = shutil.disk_usage(file.parent).free
    if size > free:
        raise OSError(f"they take {size / 1e9:.2f} GB, of which {free / 1e9:.2f} GB are free")
    unfinished = file.with_suffix(".unfinished")  # of this process alone: the lock is held
    header = {
        "descr": np.lib.format.dtype_to_descr(first.numpy().dtype),
        "fortran_order": False,
        "shape": (number, *first.shape),
    }
    try:
        with unfinished.open("wb") as out, _bar() as progress:
            task = progress.add_task(f"frames of {name}", total=number)
            np.lib.format.write_array_header_2_0(out, header)
            for sample in range(number):
                frames = _built(build, sample, name) if sample else first
                if (frames.shape, frames.dtype) != (first.shape, first.dtype):
                    raise DataError(
                        f"sample {sample} of {name} has frames of {list(frames.shape)} and {frames.dtype}, "
                        f"the first one of {list(first.shape)} and {first.dtype}; all must be alike"
                    )
                out.write(frames.contiguous().numpy().data)
                progress.advance(task)
            out.flush()
            os.fsync(out.fileno())
        os.replace(unfinished, file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _built(build: Callable[[int], Tensor], sample: int, name: str) -> Tensor:
    try:
        return build(sample)
    except OSError as error:  # of the source, not of the cache
        raise DataError(f"sample {sample} of {name} cannot be read: {error}") from error


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
