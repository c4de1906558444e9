"""Run a recipe unbroken, then kill it at random points and continue it; print what came out.

Started by test_resume.py in a process of its own: children are forked, so that twenty
runs need one import of torch.
"""

from __future__ import annotations

import copy
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Mapping
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

Begun = Callable[[Path], bool]


def there(name: str) -> Begun:
    """Whether a run directory has a file."""
    return lambda directory: (directory / name).exists()


def scored(name: str, least: int) -> Begun:
    """Whether so many candidates are in a journal."""
    return lambda directory: in_journal(directory / name) >= least


def in_journal(journal: Path) -> int:
    """Return how many candidates a journal has."""
    return journal.read_text().count('"index"') if journal.exists() else 0


STAGES = {
    "search.supernet": there("resolved.json"),
    "search": there("trials.journal"),
    "train": there("trials.json"),
}
"""The stages of a run with a supernet, and what begins each."""

RUNGS = {
    "rung 0": there("trials.journal"),
    "rung 1": there("candidates"),
    "rung 2": scored("trials-1.journal", 5),
    "train": there("trials.json"),
}
"""The rungs of a search, and what begins each."""

HALVED: dict[str, Any] = {
    **TOYS,
    "search": {
        **TOYS["search"],
        "strategy": {"use": "successive_halving", "draws": 12, "keep": [5, 3]},
        "rungs": [{"use": "trained", "epochs": 3}, {"use": "trained", "epochs": 6, "last": 2}],
    },
    "train": {**TOYS["train"], "epochs": 9},
}


def halving_registry() -> Registry:
    """The toys, with a strategy and a scorer that are installed."""
    registry, installed = toys.toy_registry(), Registry.from_installed(quiet=True)
    for kind, name in (("strategy", "successive_halving"), ("scorer", "trained")):
        registry.register(installed.find(kind, name).spec)
    return registry


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

    def unbroken(self, *begun: Begun) -> list[float]:
        """Run it to its end, and return when each began."""
        child = self.start(self.folder / "unbroken", resume=False)
        times = [until(one, self.folder / "unbroken") for one in begun]
        wait(child)
        return times

    def kill(self, directory: Path, begun: Begun, seconds: float) -> None:
        """Start a run, and kill it some time after something has begun."""
        child = self.start(directory, resume=False)
        until(begun, directory)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    def anywhere(self, points: int) -> list[dict[str, Any]]:
        """Kill it at points that are spread over its length."""
        started, ended = self.unbroken(there("resolved.json"), there("summary.json"))
        results = []
        for point in range(points):
            directory = self.folder / f"killed-{point}"
            self.kill(
                directory, there("resolved.json"), (ended - started) * (point + self.rng.random()) / points
            )
            finished = (directory / "summary.json").exists()
            scored = in_journal(directory / "trials.journal")
            wait(self.start(directory, resume=True))
            results.append({"scored": scored, "finished": finished, "outcome": outcome(directory)})
        return results

    def in_each(self, stages: Mapping[str, Begun], points: int) -> list[dict[str, Any]]:
        """Kill it at random moments of each stage; a moment that fell into a later one does not count."""
        times = self.unbroken(*stages.values(), there("summary.json"))
        results: list[dict[str, Any]] = []
        for (stage, begun), began, ended in zip(stages.items(), times, times[1:], strict=False):
            hits = tries = 0
            while hits < points:
                directory, tries = self.folder / f"{stage}-{tries}", tries + 1
                self.kill(directory, begun, (ended - began) * self.rng.random())
                if (found := stage_of(directory, stages)) != stage:
                    continue
                hits += 1
                wait(self.start(directory, resume=True))
                results.append({"stage": found, "outcome": outcome(directory)})
        return results


def stage_of(directory: Path, stages: Mapping[str, Begun]) -> str:
    """Return in which stage a run was killed."""
    begun = [stage for stage, has_begun in stages.items() if has_begun(directory)]
    return "finished" if (directory / "summary.json").exists() else begun[-1]


def wait(child: int) -> None:
    """Wait for a child that must end well."""
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"child ended with {status}")


def until(begun: Begun, directory: Path) -> float:
    """Wait until something has begun, and return the time."""
    while not begun(directory):
        time.sleep(0.001)
    return time.monotonic()


def main(folder: Path, what: str, points: int) -> None:
    """Print a JSON report."""
    if what == "anywhere":
        driver = Driver(TOYS, toys.toy_registry(), folder)
        killed = driver.anywhere(points)
    elif what == "in_each_rung":
        driver = Driver(HALVED, halving_registry(), folder)
        killed = driver.in_each(RUNGS, points)
    else:
        recipe = copy.deepcopy(supernets.RECIPE)
        for section in (recipe["train"], recipe["search"]["supernet"]):
            section["checkpoint_minutes"] = 1e-9  # after every step
        driver = Driver(recipe, Registry.from_installed(quiet=True), folder)
        killed = driver.in_each(STAGES, points)
    print(json.dumps({"unbroken": outcome(folder / "unbroken"), "killed": killed}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
