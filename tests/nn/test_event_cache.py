"""Frames of a split in one file."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from snnplug.errors import DataError, StorageError
from snnplug.nn import FrameSplit
from snnplug.nn.events import cached_frames, fingerprint


def sample(number: int) -> Tensor:
    return torch.arange(24, dtype=torch.uint8).view(3, 2, 2, 2) + number


def test_frames_are_built_once_and_mapped_afterwards(tmp_path: Path) -> None:
    asked: list[int] = []

    def build(number: int) -> Tensor:
        asked.append(number)
        return sample(number)

    for _ in range(2):
        frames = cached_frames(tmp_path / "new", "toy-train", {"steps": 3}, 4, build)
        assert torch.equal(frames, torch.stack([sample(i) for i in range(4)]))
        assert frames.dtype == torch.uint8
    assert asked == [0, 1, 2, 3]
    [file] = (tmp_path / "new").glob("*.npy")
    assert file.name.startswith("toy-train-")
    assert not list((tmp_path / "new").glob("*.unfinished"))
    for key, number in (({"steps": 4}, 4), ({"steps": 3}, 3)):
        cached_frames(tmp_path / "new", "toy-train", key, number, build)
    assert len(list((tmp_path / "new").glob("*.npy"))) == 3


def test_a_split_reads_whole_counts_from_the_file_and_what_it_changes_stays_in_memory(tmp_path: Path) -> None:
    frames = cached_frames(tmp_path, "toy", {}, 5, sample)
    split = FrameSplit(frames, torch.arange(5))
    values, labels = split.batch(torch.tensor([4, 1]))
    assert torch.equal(values, torch.stack([sample(4), sample(1)]).float())
    assert labels.tolist() == [4, 1]
    frames.zero_()
    assert torch.equal(cached_frames(tmp_path, "toy", {}, 5, sample)[2], sample(2))


def test_real_frames_and_large_counts_keep_their_type(tmp_path: Path) -> None:
    for dtype in (torch.float32, torch.int16):
        built = [sample(number).to(dtype) for number in range(2)]
        frames = cached_frames(tmp_path, "toy", {"type": str(dtype)}, 2, built.__getitem__)
        assert frames.dtype == dtype
        assert torch.equal(frames[1], built[1])


def test_a_failure_half_way_leaves_nothing(tmp_path: Path) -> None:
    def broken(number: int) -> Tensor:
        if number == 2:
            raise KeyError("a file is broken")
        return sample(number)

    with pytest.raises(KeyError):
        cached_frames(tmp_path, "toy", {}, 4, broken)
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".lock"]
    with pytest.raises(DataError, match=r"sample 0 of toy cannot be read: .*No such file"):
        cached_frames(tmp_path, "toy", {}, 4, lambda number: torch.load(tmp_path / "missing"))
    with pytest.raises(DataError, match=r"sample 1 of toy has frames of \[2, 2, 2\] and torch.uint8"):
        cached_frames(tmp_path, "toy", {}, 2, lambda number: sample(number)[0] if number else sample(0))
    assert torch.equal(cached_frames(tmp_path, "toy", {}, 4, sample)[3], sample(3))


def _slowly(folder: Path) -> None:
    def build(number: int) -> Tensor:
        if number == 3:
            (folder / "half").touch()
            time.sleep(60)
        return sample(number)

    cached_frames(folder, "toy", {}, 5, build)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
def test_a_kill_half_way_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_slowly, args=(tmp_path,))
    process.start()
    end = time.monotonic() + 60
    while not (tmp_path / "half").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
    assert not list(tmp_path.glob("*.npy"))
    assert torch.equal(cached_frames(tmp_path, "toy", {}, 5, sample)[4], sample(4))
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_full_disk_or_a_file_in_the_way_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"frames of toy cannot be kept in .*; make room, or name"):
        cached_frames(tmp_path / "file", "toy", {}, 2, sample)
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage)
    with pytest.raises(StorageError, match=r"they take 0.00 GB, of which 0.00 GB are free"):
        cached_frames(tmp_path, "toy", {}, 2, sample)


class _Usage:
    free = 10


def test_a_fingerprint_follows_the_files(tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    for file in files:
        file.write_bytes(b"12")
    first = fingerprint(files)
    assert first == fingerprint(map(str, files))
    os.utime(files[0], ns=(1, 1))
    assert fingerprint(files) != first
    with pytest.raises(DataError, match="c cannot be read: No such file"):
        fingerprint([tmp_path / "c"])
