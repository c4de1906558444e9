"""A run that was killed and continued equals one that was not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import snnplug
from snnplug import resume, run
from snnplug.errors import RunDirectoryError

DRIVER = Path(__file__).with_name("kill_driver.py")


def killed(folder: Path, what: str, points: int) -> Any:
    """Return the report of the driver."""
    command = [sys.executable, str(DRIVER), str(folder), what, str(points)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("points", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_killed_in_supernet_search_and_training_and_resumed_equals_unbroken(
    tmp_path: Path, points: int
) -> None:
    report = killed(tmp_path, "in_each_stage", points)
    stages = [one["stage"] for one in report["killed"]]
    assert stages == ["search.supernet"] * points + ["search"] * points + ["train"] * points
    assert [*report["unbroken"]["checkpoints"]] == ["checkpoint-search.supernet.pt", "checkpoint.pt"]
    assert len({trial["score"] for trial in report["unbroken"]["trials"]}) > 8
    for one in report["killed"]:
        assert one["outcome"] == report["unbroken"]


@pytest.mark.parametrize("points", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_killed_at_each_rung_and_resumed_equals_unbroken(tmp_path: Path, points: int) -> None:
    report = killed(tmp_path, "in_each_rung", points)
    stages = [one["stage"] for one in report["killed"]]
    rungs = [f"rung {level}" for level in range(3)]
    assert stages == [stage for stage in (*rungs, "train") for _ in range(points)]
    search = report["unbroken"]["summary"]["search"]
    assert [rung["candidates"] for rung in search["rungs"]] == [5, 3]
    for one in report["killed"]:
        assert one["outcome"] == report["unbroken"]


@pytest.mark.parametrize("points", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_anywhere_and_resumed_equals_unbroken(tmp_path: Path, points: int) -> None:
    report = killed(tmp_path, "anywhere", points)
    assert len(report["killed"]) == points
    assert len(report["unbroken"]["trials"]) >= 5
    assert not all(one["finished"] for one in report["killed"])
    for one in report["killed"]:
        assert one["outcome"] == report["unbroken"]


def test_search_continues_behind_its_journal(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    whole = run(toy_recipe, out=tmp_path / "whole", registry=toy_registry)
    again = resume(tmp_path / "whole", registry=toy_registry)
    assert again.summary["search"] == whole.summary["search"]  # times too: nothing was scored again
    assert again.summary["accuracy"] == whole.summary["accuracy"]


def test_torn_journal_line_is_cut(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    whole = run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    journal = tmp_path / "run" / "trials.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-3]) + lines[-3][:25])
    again = resume(tmp_path / "run", registry=toy_registry)
    for key in ("best", "score", "evaluated", "draws"):
        assert again.summary["search"][key] == whole.summary["search"][key]


def test_training_continues_behind_its_checkpoint(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(toy_recipe, out=tmp_path / "whole", registry=toy_registry)
    from snnplug.engine import training

    calls = []
    original = training._Trainer._epoch

    def stop_in_third(self: Any, epoch: int, bar: Any) -> tuple[float, float]:
        calls.append(epoch)
        if epoch == 2 and len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, epoch, bar)

    monkeypatch.setattr(training._Trainer, "_epoch", stop_in_third)
    with pytest.raises(KeyboardInterrupt):
        run(toy_recipe, out=tmp_path / "broken", registry=toy_registry)
    assert len((tmp_path / "broken" / "metrics.jsonl").read_text().splitlines()) == 2
    again = resume(tmp_path / "broken", registry=toy_registry)
    assert calls == [0, 1, 2, 2, 3]
    for key in ("accuracy", "spikes_per_sample", "energy", "epochs"):
        assert again.summary[key] == whole.summary[key]


def test_what_is_no_run_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="there is no run directory"):
        resume(tmp_path / "nowhere")
    with pytest.raises(RunDirectoryError, match=r"no resolved\.json"):
        resume(tmp_path)


def test_one_process_at_a_time(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    from snnplug.runs.directory import RunDirectory

    run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    with (
        RunDirectory(tmp_path / "run").locked(),
        pytest.raises(RunDirectoryError, match="another snnplug is running"),
    ):
        resume(tmp_path / "run", registry=toy_registry)


def test_resume_needs_the_plugins_of_the_run(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    with pytest.raises(snnplug.errors.RecipeError, match="unknown neuron 'local:toy'"):
        resume(tmp_path / "run", registry=snnplug.Registry())


def test_two_processes_cannot_start_in_one_directory(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    from snnplug.runs.directory import RunDirectory

    (tmp_path / "run").mkdir()
    with (
        RunDirectory(tmp_path / "run").locked(),
        pytest.raises(RunDirectoryError, match="another snnplug is running"),
    ):
        run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]
