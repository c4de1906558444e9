"""A full disk stops a run with one message; what was finished is kept and the run goes on later."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snnplug import resume, run
from snnplug.errors import StorageError


@pytest.mark.parametrize(
    "name", ["resolved.json", "trials.json", "checkpoint.pt", "activity.json", "summary.json"]
)
def test_full_at_any_file(
    name: str, toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = os.replace

    def full(source: Any, target: Any) -> None:
        if str(target).endswith(name):
            raise OSError(errno.ENOSPC, "No space left on device")
        original(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(StorageError, match=rf"{name}: the disk is full.*--resume"):
            run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    assert not list((tmp_path / "run").glob(".*.new"))
    if name == "resolved.json":  # nothing was begun: the directory can be used again
        done = run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    else:
        done = resume(tmp_path / "run", registry=toy_registry)
    whole = run(toy_recipe, out=tmp_path / "whole", registry=toy_registry)
    assert done.summary["accuracy"] == whole.summary["accuracy"]
    assert done.summary["search"]["score"] == whole.summary["search"]["score"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_disk_that_is_really_full(small_disk: Path, toy_registry: Any, toy_recipe: dict[str, Any]) -> None:
    with pytest.raises(StorageError, match=r"the disk is full.*--resume"):
        run(toy_recipe, out=small_disk / "run", registry=toy_registry)
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    done = resume(small_disk / "run", registry=toy_registry)
    assert json.loads((small_disk / "run" / "summary.json").read_text()) == done.summary
