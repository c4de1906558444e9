"""Scoring by several processes: the same result with any number of them, and no harm from a death."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import toys

from snnplug import Registry, ScorerSpec, resume, run
from snnplug.engine.execution.worker import Worker
from snnplug.engine.scoring.evaluator import one_thread
from snnplug.errors import ContractError, RecipeError, RunFailed
from snnplug.recipe.read import read_recipe


def searching(recipe: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the recipe without training, with changes to its search."""
    del recipe["train"]
    return {**recipe, "search": {**recipe["search"], **changes}}


def trials(directory: Path) -> list[dict[str, Any]]:
    """Return the trials without their times."""
    return [
        {k: v for k, v in trial.items() if k != "seconds"}
        for trial in json.loads((directory / "trials.json").read_text())
    ]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No test leaves a process of its own; one of an earlier test's is none of its doing."""
    before = set(multiprocessing.active_children())
    yield
    assert not set(multiprocessing.active_children()) - before


@pytest.mark.parametrize("workers", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_number_of_workers_does_not_matter(
    workers: int, toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    recipe = searching(toy_recipe, baselines=True)
    run(recipe, out=tmp_path / "one", registry=toy_registry)
    recipe["search"]["workers"] = workers
    done = run(recipe, out=tmp_path / "many", registry=toy_registry)
    assert trials(tmp_path / "many") == trials(tmp_path / "one")
    assert [trial["index"] for trial in trials(tmp_path / "many")] == list(
        range(done.summary["search"]["evaluated"])
    )


def test_worker_killed_once_is_replaced(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    recipe = searching(toy_recipe, workers=2)
    run(recipe | {"search": {**recipe["search"], "workers": 1}}, out=tmp_path / "one", registry=toy_registry)
    recipe["search"]["scorer"] = {"use": "toy_killer", "mark": str(tmp_path / "mark")}
    run(recipe, out=tmp_path / "killed", registry=toy_registry)
    assert (tmp_path / "mark").exists()
    assert trials(tmp_path / "killed") == trials(tmp_path / "one")


def test_worker_killed_twice_stops_the_run_which_goes_on_later(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    recipe = searching(toy_recipe, workers=2, scorer={"use": "toy_killer"})
    with pytest.raises(
        RunFailed, match=r"two worker processes died .* candidate 5: killed, .*--resume"
    ) as failed:
        run(recipe, out=tmp_path / "run", registry=toy_registry)
    assert "\n" not in str(failed.value)
    registry = Registry([r for r in toy_registry if r.name != "toy_killer"])
    registry.register(ScorerSpec(name="toy_killer", target=toys.ToyScorer, summary="The same, mended."))
    assert not mark.exists()
    done = resume(tmp_path / "run", registry=registry)
    assert done.summary["search"]["draws"] == 20


def test_an_error_of_the_parts_is_raised_as_it_is(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    recipe = searching(toy_recipe, workers=2, scorer={"use": "toy", "fail": "contract"})
    with pytest.raises(ContractError, match="does not fit"):
        run(recipe, out=tmp_path / "run", registry=toy_registry)


@pytest.mark.slow
def test_why_no_candidate_has_a_score(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    recipe = searching(toy_recipe, workers=2, scorer={"use": "toy", "fail": "error"})
    with pytest.raises(
        RunFailed,
        match="could not be scored; one of them failed: scorer local:toy raised RuntimeError: no score today",
    ):
        run(recipe, out=tmp_path / "run", registry=toy_registry)


def test_what_cannot_be_sent_to_a_process_is_refused_before_work(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    class Local(toys.ToyScorer):
        """Known to nobody else."""

    toy_registry.register(ScorerSpec(name="inside", target=Local, summary="Local."))
    with pytest.raises(ContractError, match=r"search\.workers = 2 needs components .*search\.workers = 1"):
        run(
            searching(toy_recipe, workers=2, scorer={"use": "inside"}),
            out=tmp_path / "run",
            registry=toy_registry,
        )
    assert not (tmp_path / "run").exists()


def test_number_of_workers_is_checked(toy_registry: Any, toy_recipe: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=r"search\.workers: must be >= 1|search\.workers must be >= 1"):
        run(searching(toy_recipe, workers=0), registry=toy_registry)


def test_scoring_takes_one_thread_and_leaves_the_number_alone(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        run(
            searching(toy_recipe, scorer={"use": "toy", "fail": "threads"}),
            out=tmp_path / "run",
            registry=toy_registry,
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert {trial["score"] for trial in trials(tmp_path / "run")} == {1.0}


@pytest.mark.slow
def test_number_of_workers_does_not_matter_to_real_methods(tmp_path: Path) -> None:
    pytest.importorskip("snnplug_snasnet")
    overrides = ["search.strategy.draws=12", "search.space.channels=6", "search.round_size=4", "seed=5"]
    overrides += ["search.scorer.steps=4"]
    recipe = read_recipe("default", overrides).to_dict()
    del recipe["train"]
    for workers in (1, 2):
        recipe["search"]["workers"] = workers
        run(recipe, out=tmp_path / str(workers))
    assert trials(tmp_path / "1") == trials(tmp_path / "2")
    assert len(trials(tmp_path / "1")) >= 8


DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
import toys
from snnplug import run

if __name__ == "__main__":
    search = {{**toys.RECIPE["search"], "workers": 2, "space": {{"use": "toy", "delay": 0.05}}}}
    recipe = {{k: v for k, v in toys.RECIPE.items() if k != "train"}} | {{"search": search}}
    run(recipe, out=sys.argv[1], registry=toys.toy_registry())
"""


@pytest.mark.slow
def test_driver_killed_with_its_workers_busy(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    script = tmp_path / "driver.py"
    script.write_text(DRIVER.format(folder=str(Path(__file__).parent)))
    process = subprocess.Popen([sys.executable, str(script), str(tmp_path / "run")], start_new_session=True)
    journal = tmp_path / "run" / "trials.journal"
    deadline = time.monotonic() + 120
    while not (journal.exists() and journal.read_text().count('"index"') >= 3):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    while _group_lives(process.pid):
        assert time.monotonic() < deadline, "a worker outlived its driver"
        time.sleep(0.05)
    resume(tmp_path / "run", registry=toy_registry)
    run(searching(toy_recipe), out=tmp_path / "whole", registry=toy_registry)
    assert trials(tmp_path / "run") == trials(tmp_path / "whole")


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, signal.SIGCONT)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_interrupt_while_a_worker_is_starting_is_for_the_driver_alone() -> None:
    def blocked(pid: int) -> bool:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return bool(int(status["SigBlk"], 16) >> (signal.SIGINT - 1) & 1)

    worker = Worker(b"")
    try:
        assert blocked(worker.process.pid)
        assert not blocked(os.getpid())
    finally:
        worker.end()
