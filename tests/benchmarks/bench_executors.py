"""What handing work to workers costs: empty jobs, and a search, by each executor.

    python tests/benchmarks/bench_executors.py [--executors processes ray] [--jobs 2000] [--draws 5000]

prints milliseconds a job of 2,000 that do nothing on two workers (wall and CPU of this program, median of
rounds), once workers are ready; then the seconds of a search over cells of SNASNet with 16 channels, scored
by SAHD, from the first trial on.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import snnplug
from snnplug import Registry
from snnplug.engine.execution.executors import executor_of, named_executor
from snnplug.engine.execution.orders import Orders
from snnplug.engine.execution.pool import Pool
from snnplug.runs.records import Origin

WORKERS = 2


def nothing(number: int) -> Callable[[Any], None]:
    """Return work that is none."""
    return lambda item: None


def empty_jobs(name: str, count: int, rounds: int) -> str:
    """Return a line: milliseconds a job."""
    component = named_executor(name, Registry.from_installed(quiet=True))
    wall, cpu = [], []
    with Pool(executor_of(component, Orders(nothing, Origin()), WORKERS), WORKERS) as pool:
        list(pool(range(10 * WORKERS)))  # all have started
        for _ in range(rounds):
            began, used = time.perf_counter(), time.process_time()
            assert len(list(pool(range(count)))) == count
            wall.append(1000 * (time.perf_counter() - began) / count)
            cpu.append(1000 * (time.process_time() - used) / count)
    return f"| {name} | {statistics.median(wall):.2f} | {statistics.median(cpu):.2f} |"


def search(name: str, draws: int, folder: Path) -> tuple[float, list[float | None]]:
    """Return the seconds between the first and the last trial in the journal, and the scores."""
    recipe = {
        "search": {
            "space": {"use": "snasnet", "channels": 16, "backward": True},
            "strategy": {"use": "random", "draws": draws},
            "scorer": "sahd",
            "workers": WORKERS,
            "executor": name,
        },
        "measure": {"samples": 1},
    }
    done = snnplug.run(recipe, out=folder / name, device="cpu")
    written = [journalled(line) for line in (folder / name / "trials.journal").read_text().splitlines()]
    times = [at for at in written if at is not None]
    return max(times) - min(times), [trial.score for trial in done.trials]


def journalled(line: str) -> float | None:
    """Return when a line of the journal says that a trial was complete."""
    import datetime
    import json

    at = json.loads(line).get("datetime_complete")
    return datetime.datetime.fromisoformat(at).timestamp() if at else None


def main() -> None:
    """Print both tables."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--executors", nargs="+", default=["processes", "ray"])
    options.add_argument("--jobs", type=int, default=2000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--draws", type=int, default=5000, help="0 for no search")
    given = options.parse_args()
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {WORKERS} workers")
    print("| executor | ms a job | CPU ms a job, this program |\n|---|---:|---:|")
    for name in given.executors:
        print(empty_jobs(name, given.jobs, given.rounds), flush=True)
    if not given.draws:
        return
    print(f"\n| executor | s for {given.draws} draws | against {given.executors[0]} |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for name in given.executors:
            found[name] = search(name, given.draws, Path(folder))
            ratio = found[name][0] / found[given.executors[0]][0]
            print(f"| {name} | {found[name][0]:.1f} | {ratio:.3f} |", flush=True)
    print("equal scores:", all(scores == found[given.executors[0]][1] for _, scores in found.values()))


if __name__ == "__main__":
    main()
