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
import sklearn.datasets  # noqa: F401
import torch
from matplotlib.figure import Figure

import snnplug.engine
from snnplug import Registry

torch.set_num_threads(1)  # a forked child must not inherit a thread pool

sys.path.insert(0, str(Path(__file__).parent))
import supernets  # noqa: E402
import toys  # noqa: E402
import undrawn  # noqa: E402
from outcomes import outcome  # noqa: E402

Figure.savefig = undrawn.save  # type: ignore[method-assign]

TOYS: dict[str, Any] = {
    **toys.RECIPE,
    "search": {
        "space": {"use": "toy", "delay": 0.03},
        "strategy": {"use": "toy", "draws": 30},
        "scorer": {"use": "toy"},
        "round_size": 4,
    },
    "train": {"epochs": 12, "batch_size": 4, "optimizer": {"use": "adam", "lr": 0.02}},
}

STAGES = {"search.supernet": "resolved.json", "search": "trials.journal", "train": "trials.json"}
"""The stages of a run with a supernet, and the file whose appearance begins each."""


class Driver:
    """Runs a recipe in forked children.

    Args:
        recipe, registry: what they run.
        folder: where the run directories go.
    """

    def __init__(self, recipe: dict[str, Any], registry: Registry, folder: Path) -> None:
        self.recipe, self.registry, self.folder = recipe, registry, folder
        self.rng = random.Random(0)

    def start(self, directory: Path, *, resume: bool) -> int:
        """Start a run in a child and return its process number."""
        child = os.fork()
        if child:
            return child
        try:
            if resume:
                snnplug.resume(directory, registry=self.registry)
            else:
                snnplug.run(self.recipe, out=directory, registry=self.registry)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
        os._exit(0)

    def unbroken(self, *files: str) -> list[float]:
        """Run it to its end, and return when the files appeared."""
        child = self.start(self.folder / "unbroken", resume=False)
        times = [until_exists(self.folder / "unbroken" / file) for file in files]
        wait(child)
        return times

    def kill(self, directory: Path, file: str, seconds: float) -> None:
        """Start a run, and kill it some time after a file has appeared."""
        child = self.start(directory, resume=False)
        until_exists(directory / file)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    def anywhere(self, points: int) -> list[dict[str, Any]]:
        """Kill it at points that are spread over its length."""
        started, ended = self.unbroken("resolved.json", "summary.json")
        results = []
        for point in range(points):
            directory = self.folder / f"killed-{point}"
            self.kill(directory, "resolved.json", (ended - started) * (point + self.rng.random()) / points)
            finished = (directory / "summary.json").exists()
            journal = directory / "trials.journal"
            scored = journal.read_text().count('"index"') if journal.exists() else 0
            wait(self.start(directory, resume=True))
            results.append({"scored": scored, "finished": finished, "outcome": outcome(directory)})
        return results

    def in_each_stage(self, points: int) -> list[dict[str, Any]]:
        """Kill it at random moments of each stage; a moment that fell into a later stage does not count."""
        times = self.unbroken(*STAGES.values(), "summary.json")
        results: list[dict[str, Any]] = []
        for (stage, file), began, ended in zip(STAGES.items(), times, times[1:], strict=False):
            hits = tries = 0
            while hits < points:
                directory, tries = self.folder / f"{stage}-{tries}", tries + 1
                self.kill(directory, file, (ended - began) * self.rng.random())
                if (found := stage_of(directory)) != stage:
                    continue
                hits += 1
                wait(self.start(directory, resume=True))
                results.append({"stage": found, "outcome": outcome(directory)})
        return results


def stage_of(directory: Path) -> str:
    """Return in which stage a run was killed."""
    begun = [stage for stage, file in STAGES.items() if (directory / file).exists()]
    return "finished" if (directory / "summary.json").exists() else begun[-1]


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


def main(folder: Path, what: str, points: int) -> None:
    """Print a JSON report."""
    if what == "anywhere":
        driver = Driver(TOYS, toys.toy_registry(), folder)
        killed = driver.anywhere(points)
    else:
        driver = Driver(supernets.RECIPE, Registry.from_installed(quiet=True), folder)
        killed = driver.in_each_stage(points)
    print(json.dumps({"unbroken": outcome(folder / "unbroken"), "killed": killed}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
