"""Runs that start at one moment have a directory each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import snnplug
from snnplug.errors import RunDirectoryError, SnnplugError

HERE = Path(__file__).parent

START = """
import sys
sys.path.insert(0, sys.argv[1])
import toys
import snnplug.engine.run
print("ready", flush=True)
sys.stdin.readline()
recipe = {**toys.RECIPE, "search": {**toys.RECIPE["search"], "strategy": {"use": "toy", "draws": 4}}}
run = snnplug.run({**recipe, "train": {"epochs": 1}}, registry=toys.toy_registry(), device="cpu")
print(run.directory.resolve(), flush=True)
"""


def started_at_once(folder: Path, count: int) -> list[Path]:
    """Start runs without `out` in processes that wait for one signal, and return where they are."""
    command = [sys.executable, "-c", START, str(HERE)]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    processes = [subprocess.Popen(command, cwd=folder, env=environment, **pipes) for _ in range(count)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=500)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    return [Path(answer.strip()) for answer in answers]


@pytest.mark.parametrize("count", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_runs_started_at_once_have_a_directory_and_a_result_each(tmp_path: Path, count: int) -> None:
    paths = started_at_once(tmp_path, count)
    assert len(set(paths)) == count
    assert sorted(paths) == sorted((tmp_path / "runs").iterdir())
    assert all(snnplug.load(path).summary["epochs"] == 1 for path in paths)
    assert len({snnplug.load(path).summary["accuracy"]["test"] for path in paths}) == 1


def test_a_refused_recipe_makes_no_directory(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for override in ("encoder.steps=0", "neuron.use=nobody", "train.optimizer.use=adamm"):
        with pytest.raises(SnnplugError):
            snnplug.run(toy_recipe, registry=toy_registry, overrides=[override])
    assert not list(tmp_path.iterdir())


def test_a_directory_that_was_filled_before_the_lock_is_left_alone(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snnplug.engine import order as module

    def prepare(*arguments: Any, **options: Any) -> Any:
        prepared = original(*arguments, **options)
        with monkeypatch.context() as patch:  # the other run is as quick as it can be
            patch.setattr(module, "prepare", original)
            snnplug.run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
        return prepared

    original = module.prepare
    monkeypatch.setattr(module, "prepare", prepare)
    with pytest.raises(RunDirectoryError, match="exists already"):
        snnplug.run({**toy_recipe, "seed": 4}, out=tmp_path / "run", registry=toy_registry)
    assert snnplug.load(tmp_path / "run").recipe.seed == 3


MANY = """
import sys
sys.path.insert(0, {here!r})
import toys
import snnplug
from snnplug.engine import device

device.find_place = lambda *arguments, **more: device.Place("cpu", 2)
tables = {{key: table for key, table in toys.RECIPE.items() if key != "search"}}
recipe = {{**tables, "architecture": {{"use": "toy"}}, "train": {{"epochs": 1, "batch_size": 8}}}}
run = snnplug.run(recipe, registry=toys.toy_registry())
print(run.directory, run.summary["epochs"], flush=True)
"""


@pytest.mark.slow
def test_several_processes_of_one_run_share_its_directory(tmp_path: Path) -> None:
    script = tmp_path / "many.py"
    script.write_text(MANY.format(here=str(HERE)))
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    [directory] = (tmp_path / "runs").iterdir()
    assert done.stdout.splitlines() == [f"runs/{directory.name} 1"] * 2
