"""Workers as processes: they end with their driver, have a time limit, and import what the driver imports."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import toys

from snnplug import Registry, ScorerSpec, run
from snnplug.engine.parts import make_parts
from snnplug.engine.scoring.evaluator import Job
from snnplug.engine.scoring.scorers import Scorers
from snnplug.engine.scoring.workers import scoring
from snnplug.errors import RecipeError
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe

HERE = str(Path(__file__).parent)
LINUX = sys.platform == "linux"

DRIVER = f"""
import ctypes, sys, time
sys.path.insert(0, {HERE!r})
import toys
from snnplug import ScorerSpec, run

class Stuck(toys.ToyScorer):
    def __call__(self, candidate):
        if sys.platform == "linux":
            ctypes.PyDLL(None).sleep(600)  # no thread of this process runs any more
        time.sleep(600)

if __name__ == "__main__":
    registry = toys.toy_registry()
    registry.register(ScorerSpec(name="stuck", target=Stuck, summary="Never ends."))
    search = {{**toys.RECIPE["search"], "workers": int(sys.argv[2]), "scorer": {{"use": sys.argv[3]}}}}
    recipe = {{k: v for k, v in toys.RECIPE.items() if k != "train"}} | {{"search": search}}
    run(recipe, out=sys.argv[1], registry=registry)
"""


@pytest.fixture
def laggard_registry(toy_registry: Registry) -> Registry:
    toy_registry.register(ScorerSpec(name="laggard", target=toys.ToyLaggard, summary="Spikes, or nothing."))
    return toy_registry


def searching(**search: Any) -> dict[str, Any]:
    recipe = {k: v for k, v in toys.RECIPE.items() if k != "train"}
    return {**recipe, "search": {**toys.RECIPE["search"], **search}}


def in_group(group: int) -> list[int]:
    """Return the living processes of a process group; one that only waits to be asked for is none."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path("/proc", name, "stat").read_text()
        except OSError:  # it has ended
            continue
        state, _, its_group = stat.rpartition(")")[2].split()[:3]
        if int(its_group) == group and state not in "ZX":
            found.append(int(name))
    return found


def kill_a_driver(folder: Path, workers: int, delay: float) -> list[int]:
    """Start a search, kill its driver at some time after its first worker began; return who is left."""
    script = folder / "driver.py"
    script.write_text(DRIVER)
    command = [sys.executable, str(script), str(folder / f"run-{workers}-{delay}"), str(workers), "stuck"]
    driver = subprocess.Popen(command, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while len(in_group(driver.pid)) < 3:  # itself, the resource tracker, a worker
            assert driver.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(delay)
        assert driver.poll() is None
    finally:
        driver.kill()
        driver.wait()
    return left_after_two_seconds(driver.pid)


def left_after_two_seconds(group: int) -> list[int]:
    """Wait until the processes of a group have ended, or two seconds; return who is left."""
    started = time.monotonic()
    while (left := in_group(group)) and time.monotonic() < started + 2:
        time.sleep(0.02)
    return left


needs_linux = pytest.mark.skipif(not LINUX, reason="looks at /proc")


@needs_linux
@pytest.mark.parametrize(("workers", "delay"), [(2, 0.05), (2, 6.0)])
def test_workers_end_with_a_driver_that_is_killed(workers: int, delay: float, tmp_path: Path) -> None:
    assert not kill_a_driver(tmp_path, workers, delay)


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 4])
def test_workers_end_with_drivers_killed_at_random_moments(workers: int, tmp_path: Path) -> None:
    rng = random.Random(workers)
    left = {
        delay: kill_a_driver(tmp_path, workers, delay) for delay in (rng.uniform(0, 9) for _ in range(20))
    }
    assert not any(left.values()), left


@needs_linux
@pytest.mark.slow
def test_the_processes_of_a_training_end_with_the_first(tmp_path: Path) -> None:
    pytest.importorskip("snnplug_snasnet", reason="the built-in recipe needs the first plugins")
    options = ["-s", "search.strategy.draws=1", "-s", "search.space.channels=4", "-s", "train.epochs=10000"]
    command = [sys.executable, "-m", "snnplug", "run", "--out", str(tmp_path / "run"), "-q", *options]
    first = subprocess.Popen(
        [*command, "--devices", "2", "--device", "cpu"], start_new_session=True, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 240
        while not (tmp_path / "run" / "metrics.jsonl").exists():
            assert first.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(in_group(first.pid)) >= 2
    finally:
        first.kill()
        first.wait()
    assert not left_after_two_seconds(first.pid)


def test_a_process_ends_with_its_parent_where_the_system_sends_no_signal(tmp_path: Path) -> None:
    child = (
        "import os, sys, time; sys.platform = 'other'; from snnplug.engine.lifeline import end_with; "
        "end_with(os.getppid(), sys.stdin.read); print('tied', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "tied\n"
    process.stdin.close()  # as it is when the parent ends
    assert process.wait(timeout=60) == 1
    process.stdout.close()


def test_a_candidate_that_takes_too_long_has_no_score_and_says_why(laggard_registry: Registry) -> None:
    recipe = Recipe.from_dict(searching(scorer={"use": "laggard"}))
    plan = make_plan(recipe, laggard_registry)
    parts = make_parts(plan, torch.device("cpu"))
    jobs = [Job(index, width, str(width)) for index, width in enumerate([3, 5, 4])]
    with scoring(parts, Scorers(plan["search.scorer"]), 1, "", timeout=5.0) as score:
        found = {scored.trial.genotype: scored for scored in score(jobs)}
    assert math.isnan(found[5].trial.score)
    assert found[5].reason == "it took longer than search.timeout = 5 s"
    with scoring(parts, Scorers(plan["search.scorer"]), 1, "") as score:
        for scored in score([jobs[0], jobs[2]]):
            assert found[scored.trial.genotype].trial.score == scored.trial.score


@pytest.mark.slow
def test_a_time_limit_costs_a_search_that_candidate_alone(laggard_registry: Registry, tmp_path: Path) -> None:
    whole = run(searching(), out=tmp_path / "whole", registry=laggard_registry)
    limited = searching(scorer={"use": "laggard"}, workers=2, timeout=20)
    done = run(limited, out=tmp_path / "limited", registry=laggard_registry)
    scores = {trial.genotype: trial.score for trial in whole.trials}
    assert {trial.genotype: trial.score for trial in done.trials} == {**scores, 5: None}
    resolved = json.loads((tmp_path / "limited" / "resolved.json").read_text())
    assert resolved["recipe"]["search"]["timeout"] == 20


@pytest.mark.parametrize("limit", [-1, "soon"])
def test_a_time_limit_is_a_number_of_seconds(limit: Any, toy_registry: Registry) -> None:
    with pytest.raises(RecipeError, match=r"search\.timeout"):
        run(searching(timeout=limit), registry=toy_registry)


def test_workers_import_nothing_from_the_folder_they_stand_in(tmp_path: Path) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    (elsewhere / "driver.py").write_text(DRIVER)
    for name in ("signal", "random", "pickle", "multiprocessing", "toys", "snnplug"):
        (here / f"{name}.py").write_text("raise SystemExit('the wrong file')\n")
    imported = [str(Path(__file__).parents[2]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    done = subprocess.run(
        [sys.executable, str(elsewhere / "driver.py"), str(tmp_path / "run"), "2", "toy"],
        cwd=here,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, imported))},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "summary.json").exists()


def test_a_script_that_would_start_itself_again_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(DRIVER.replace('if __name__ == "__main__":', "if True:"))
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "run"), "2", "toy"],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 1
    assert "worker process cannot import" in done.stderr
    assert 'under `if __name__ == "__main__":`' in done.stderr
