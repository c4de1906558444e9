"""Searches by executors: the same trials and the same journal, whoever scored what and was ready first."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import supernets
from handed_out import Shuffled

from snnplug import ExecutorSpec, Registry, resume, run
from snnplug.engine.scoring import workers
from snnplug.errors import RecipeError

SEARCH = {
    "space": {"use": "snasnet", "channels": 4},
    "strategy": {"use": "evolution", "draws": 24, "population": 8},
    "scorer": {"use": "sahd", "batch_size": 16},
    "round_size": 8,
}


def searching(toy_recipe: dict[str, Any], **changes: Any) -> dict[str, Any]:
    recipe = {key: table for key, table in toy_recipe.items() if key != "train"}
    return {**recipe, "search": {**recipe["search"], **changes}}


def trials(directory: Path) -> list[dict[str, Any]]:
    found = json.loads((directory / "trials.json").read_text())
    return [{key: value for key, value in trial.items() if key != "seconds"} for trial in found]


def journalled(directory: Path) -> list[str]:
    """Return the keys of the candidates in the order of the journal."""
    lines = map(json.loads, (directory / "trials.journal").read_text().splitlines())
    return [line["user_attrs"]["key"] for line in lines if "key" in line.get("user_attrs", {})]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_who_is_ready_first_does_not_matter(
    seed: int, toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    toy_registry.register(ExecutorSpec(name="shuffled", target=Shuffled, summary="In another order."))
    executor = {"use": "shuffled", "seed": seed}
    run(searching(toy_recipe), out=tmp_path / "one", registry=toy_registry)
    recipe = searching(toy_recipe, workers=3, executor=executor)
    run(recipe, out=tmp_path / "many", registry=toy_registry)
    assert trials(tmp_path / "many") == trials(tmp_path / "one")
    assert journalled(tmp_path / "many") == journalled(tmp_path / "one")
    assert len(journalled(tmp_path / "one")) == len(trials(tmp_path / "one"))
    resolved = json.loads((tmp_path / "many" / "resolved.json").read_text())
    assert resolved["recipe"]["search"]["executor"] == {"use": "local:shuffled", "seed": seed}


def test_an_executor_is_checked_like_everything_else(
    toy_registry: Registry, toy_recipe: dict[str, Any]
) -> None:
    toy_registry.register(ExecutorSpec(name="shuffled", target=Shuffled, summary="In another order."))
    for executor, said in (("shufled", "Did you mean 'shuffled'"), ({"use": "shuffled", "sed": 1}, "sed")):
        with pytest.raises(RecipeError, match=said):
            run(searching(toy_recipe, executor=executor), registry=toy_registry)


def test_inside_a_worker_a_search_scores_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Placed:
        """In place of what scores."""

        def __init__(self, *given: Any) -> None:
            self.given = given

    monkeypatch.setattr(workers, "Here", Placed)
    monkeypatch.setattr(workers, "Workers", dict)
    monkeypatch.setattr(workers, "in_worker", lambda: True)
    assert isinstance(workers.scoring(None, None, 8, "", 0.0, "any"), Placed)  # type: ignore[arg-type]


ENGINES = [
    pytest.param({"use": "ray"}, id="ray", marks=pytest.mark.slow),
    pytest.param({"use": "slurm", "cluster": "local"}, id="slurm", marks=pytest.mark.slow),
]


def needs(engine: dict[str, Any]) -> None:
    for module in (f"snnplug_{engine['use']}", {"ray": "ray", "slurm": "submitit"}[engine["use"]]):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs {module}: tox -e clusters")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.filterwarnings("ignore::Warning")  # theirs
def test_engines_of_others_give_the_same(
    engine: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(engine)
    monkeypatch.chdir(tmp_path)
    run({"search": SEARCH}, out="one")
    run({"search": {**SEARCH, "workers": 2, "executor": engine}}, out="two")
    assert trials(tmp_path / "two") == trials(tmp_path / "one")
    assert journalled(tmp_path / "two") == journalled(tmp_path / "one")


@pytest.mark.slow
def test_a_supernet_reaches_workers_that_do_not_see_its_run(tmp_path: Path) -> None:
    needs({"use": "ray"})
    recipe = {key: table for key, table in supernets.RECIPE.items() if key != "train"}
    run(recipe, out=tmp_path / "one")
    search = {**recipe["search"], "workers": 2, "executor": "ray"}
    run({**recipe, "search": search}, out=tmp_path / "two")
    assert trials(tmp_path / "two") == trials(tmp_path / "one")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_a_head_that_dies_costs_what_was_not_finished(tmp_path: Path) -> None:
    needs({"use": "ray"})
    draws = ["-s", "search.strategy.draws=300", "-s", "search.scorer=sahd", "-s", "search.space.channels=48"]
    less = ["-s", "train.epochs=1", "-s", "train.compare.random=0", "-s", "train.compare.architectures=[]"]
    start = [sys.executable, "-m", "snnplug", "run", "-q", *draws, *less, "--out"]
    by_ray = ["-s", "search.workers=2", "-s", "search.executor=ray"]
    soon = {**os.environ, "RAY_gcs_rpc_server_reconnect_timeout_s": "3"}  # workers answer without a head, too
    process = subprocess.Popen([*start, str(tmp_path / "run"), *by_ray], stderr=subprocess.PIPE, env=soon)
    journal = tmp_path / "run" / "trials.journal"
    until = time.monotonic() + 200
    while not (journal.exists() and len(journalled(tmp_path / "run")) >= 8):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.1)
    head = [*of_session(process.pid, b"gcs_server"), *of_session(process.pid, b"raylet")]
    assert head
    for one in head:
        os.kill(one, signal.SIGKILL)
    _, said = process.communicate(timeout=300)
    assert process.returncode != 0, said
    before = journalled(tmp_path / "run")
    resume(tmp_path / "run")
    subprocess.run([*start, str(tmp_path / "whole")], check=True, capture_output=True)
    assert journalled(tmp_path / "run")[: len(before)] == before
    assert journalled(tmp_path / "run") == journalled(tmp_path / "whole")
    assert trials(tmp_path / "run") == trials(tmp_path / "whole")


def of_session(pid: int, name: bytes) -> list[int]:
    """Return the processes of a program by name, its own children and theirs."""
    parents: dict[int, int] = {}
    names: dict[int, bytes] = {}
    for folder in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path("/proc", folder, "stat").read_text()
            names[int(folder)] = Path("/proc", folder, "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(folder)] = int(stat.rpartition(")")[2].split()[1])

    def belongs(process: int) -> bool:
        while process in parents and process != pid:
            process = parents[process]
        return process == pid

    return [process for process, command in names.items() if name in command and belongs(process)]
