"""The run directory's files."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from snnplug.errors import RunDirectoryError
from snnplug.runs.directory import RunDirectory
from snnplug.runs.standard_json import to_json


def test_json_is_standard() -> None:
    value = {"a": math.nan, "b": [math.inf, 1.5], "c": (1, 2)}
    assert json.loads(to_json(value)) == {"a": None, "b": [None, 1.5], "c": [1, 2]}


def test_write_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = RunDirectory.create(tmp_path / "run")
    directory.write_json("summary.json", {"old": 1})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            directory.write_json("summary.json", {"new": 2})
    assert directory.read_json("summary.json") == {"old": 1}
    assert sorted(path.name for path in directory.path.iterdir()) == ["checksums.json", "summary.json"]


def test_taken_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunDirectoryError, match="exists already"):
        RunDirectory.create(tmp_path / "file")
    with pytest.raises(RunDirectoryError, match="cannot make"):
        RunDirectory.create(tmp_path / "file" / "below")


def test_empty_directory_is_taken(tmp_path: Path) -> None:
    assert RunDirectory.create(tmp_path).path == tmp_path


def test_damaged_files_are_named(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    directory = RunDirectory.create(tmp_path / "run")
    directory.write_text("summary.json", "{")
    directory.write_text("checkpoint.pt", "not a checkpoint")
    with pytest.raises(RunDirectoryError, match=r"summary\.json is damaged"):
        directory.read_json("summary.json")
    with pytest.raises(RunDirectoryError, match=r"checkpoint\.pt is damaged.*remove what is left"):
        directory.load_checkpoint()
    assert directory.read_json("nothing.json") is None


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    directory = RunDirectory.create(tmp_path / "run")
    assert directory.load_checkpoint() is None
    directory.save_checkpoint({"model": {"w": torch.arange(3)}, "history": [{"loss": 0.5}]})
    loaded = directory.load_checkpoint()
    assert loaded is not None
    assert torch.equal(loaded["model"]["w"], torch.arange(3))
    assert loaded["history"] == [{"loss": 0.5}]
