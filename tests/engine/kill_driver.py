"""Run a recipe unbroken, then kill it at random points and continue it; print what came out.

Started by test_resume.py in a process of its own: children are forked, so that twenty
runs need one import of torch.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import lightning_fabric  # noqa: F401 - imported here once rather than in every child
import optuna.storages.journal  # noqa: F401
import torch

import snnplug.engine

torch.set_num_threads(1)  # a forked child must not inherit a thread pool

sys.path.insert(0, str(Path(__file__).parent))
import toys  # noqa: E402

RECIPE: dict[str, Any] = {
    **toys.RECIPE,
    "search": {
        "space": {"use": "toy", "delay": 0.03},
        "strategy": {"use": "toy", "draws": 30},
        "scorer": {"use": "toy"},
        "round_size": 4,
    },
    "train": {"epochs": 12, "batch_size": 4, "optimizer": {"use": "adam", "lr": 0.02}},
}


def in_child(directory: Path, *, resume: bool) -> int:
    """Start a run in a forked child and return its process number."""
    child = os.fork()
    if child:
        return child
    try:
        registry = toys.toy_registry()
        if resume:
            snnplug.resume(directory, registry=registry)
        else:
            snnplug.run(RECIPE, out=directory, registry=registry)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        os._exit(1)
    os._exit(0)


def wait(child: int) -> None:
    """Wait for a child that must end well."""
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"child ended with {status}")


def until_exists(path: Path) -> float:
    """Wait for a file and return the time."""
    while not path.exists():
        time.sleep(0.001)
    return time.monotonic()


def outcome(directory: Path) -> dict[str, Any]:
    """Return all that must be equal."""
    summary = json.loads((directory / "summary.json").read_text())
    summary.pop("seconds")
    summary["search"].pop("seconds")
    summary["search"].pop("seconds_per_candidate")
    trials = json.loads((directory / "trials.json").read_text())
    metrics = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    for record in trials + metrics:
        record.pop("seconds")
    return {"summary": summary, "trials": trials, "metrics": metrics}


def main(folder: Path, points: int) -> None:
    """Print a JSON report."""
    child = in_child(folder / "unbroken", resume=False)
    started = until_exists(folder / "unbroken" / "resolved.json")
    length = until_exists(folder / "unbroken" / "summary.json") - started
    wait(child)
    rng = random.Random(0)
    results = []
    for point in range(points):
        directory = folder / f"killed-{point}"
        child = in_child(directory, resume=False)
        until_exists(directory / "resolved.json")
        time.sleep(length * (point + rng.random()) / points)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        finished = (directory / "summary.json").exists()
        journal = directory / "trials.journal"
        scored = journal.read_text().count('"index"') if journal.exists() else 0
        wait(in_child(directory, resume=True))
        results.append({"scored": scored, "finished": finished, "outcome": outcome(directory)})
    print(json.dumps({"unbroken": outcome(folder / "unbroken"), "killed": results}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
