"""What the system says against a file is said as it is; a run directory that is gone is one line."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import toys
from torch import Tensor

from snnplug import EnergyModelSpec, LossSpec, Registry, ScorerSpec, run
from snnplug.errors import DataError, StorageError
from snnplug.runs.directory import RunDirectory


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EACCES, os.strerror(errno.EACCES)),
        (errno.EROFS, os.strerror(errno.EROFS)),
        (errno.EIO, os.strerror(errno.EIO)),
        (errno.EFBIG, os.strerror(errno.EFBIG)),
        (errno.EMFILE, os.strerror(errno.EMFILE)),
        (errno.EPERM, os.strerror(errno.EPERM)),
        (errno.EBUSY, os.strerror(errno.EBUSY)),
    ],
)
def test_only_a_full_disk_is_said_to_be_full(number: int, reason: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught, RunDirectory(tmp_path).storage_errors("summary.json"):
        raise OSError(number, os.strerror(number))
    assert str(caught.value) == (
        f"cannot write {tmp_path / 'summary.json'}: {reason}; what was finished is kept. "
        f"Mend that, then continue with: snnplug run --resume {tmp_path}"
    )


def test_an_error_without_a_number_keeps_its_words(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="OSError: no more"), RunDirectory(tmp_path).storage_errors("x"):
        raise OSError("no more")


def test_what_is_no_matter_of_storage_passes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not there"), RunDirectory(tmp_path).storage_errors("x"):
        raise DataError("not there")


class Remover:
    """Removes a folder before something is computed."""

    folder: Path

    def __call__(self, *arguments: Any) -> Any:
        shutil.rmtree(self.folder, ignore_errors=True)
        return super().__call__(*arguments)  # type: ignore[misc]


class RemovingScorer(Remover, toys.ToyScorer): ...


class RemovingEnergy(Remover, toys.ToyEnergy): ...


class RemovingLoss(toys.ToyLoss):
    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        if outputs.requires_grad:
            shutil.rmtree(Remover.folder, ignore_errors=True)
        return super().forward(outputs, target)


CASES: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("search", lambda recipe: recipe["search"].update(scorer={"use": "removing"})),
    ("train", lambda recipe: recipe.update(loss={"use": "removing"})),
    ("measure", lambda recipe: recipe.update(energy={"models": ["removing"]})),
]


@pytest.mark.parametrize(("stage", "change"), CASES, ids=[stage for stage, _ in CASES])
def test_a_directory_that_is_removed_ends_the_run_in_one_line(
    stage: str,
    change: Callable[[dict[str, Any]], Any],
    toy_registry: Registry,
    toy_recipe: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toy_registry.register(ScorerSpec(name="removing", target=RemovingScorer, summary="Removes."))
    toy_registry.register(LossSpec(name="removing", target=RemovingLoss, summary="Removes."))
    toy_registry.register(
        EnergyModelSpec(name="removing", target=RemovingEnergy, summary="Removes.", unit="relative")
    )
    monkeypatch.setattr(Remover, "folder", tmp_path / "run", raising=False)
    change(toy_recipe)
    with pytest.raises(StorageError, match=r"the run directory is gone, .*; put it back") as caught:
        run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists(), "it was made anew, without what had been in it"


@pytest.mark.skipif(os.name != "posix", reason="has no file modes")
def test_files_of_a_run_can_be_read_by_whom_other_files_can(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    before = os.umask(0o022)
    try:
        run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    finally:
        os.umask(before)
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "run").glob("[!.]*")}
    assert "report.html" in modes
    assert set(modes.values()) == {0o644}, modes
