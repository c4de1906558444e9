"""CPU threads decide the last bits of a sum: a run takes as many as it began with, wherever it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import snnplug
from snnplug.engine import threads
from snnplug.runs.records import Threads


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a machine have that many cores, and every network be worth all of them."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "_WORTH_A_THREAD", 1e-3)
    used: list[int] = []
    monkeypatch.setattr(threads.torch, "set_num_threads", used.append)

    def cores(count: int) -> list[int]:
        monkeypatch.setattr(threads, "available_threads", lambda: count)
        used.clear()
        return used

    return cores


def test_resume_takes_the_recorded_number(
    machine: Any, toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    machine(3)
    run = snnplug.run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    assert run.records.resolved.origins[0].threads == Threads(count=3)
    assert {epoch.threads for epoch in run.metrics} == {3}
    for lost in ((), ("summary.json", "checkpoint.pt", "metrics.jsonl")):
        for name in lost:
            (tmp_path / "run" / name).unlink()
        used = machine(1)
        again = snnplug.resume(tmp_path / "run", registry=toy_registry)
        assert {epoch.threads for epoch in again.metrics} == {3}
        assert used.count(3) == 2  # training and measuring


def test_replay_takes_it_too(
    machine: Any, toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    machine(3)
    snnplug.run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    machine(8)
    again = snnplug.replay(tmp_path / "run", out=tmp_path / "again", registry=toy_registry)
    assert {epoch.threads for epoch in again.run.metrics} == {3}


def test_what_the_user_has_set_is_recorded_as_fixed(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run = snnplug.run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    found = run.records.resolved.origins[0].threads
    assert found is not None
    assert found.fixed
