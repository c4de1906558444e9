"""Where one program that asks, writes and tells begins to limit a search by many workers.

    snnplug run --out RUN -s search.scorer=sahd            # measured times of scoring, in RUN/trials.json
    python tests/benchmarks/study_thousand_workers.py RUN [--draws 5000] [--workers 10 100 1000]

The search is a real one with its strategy, journal and disk; the workers are pretended: each answers after a
time drawn from those that were measured, times a factor for larger networks, and one in 500 items kills its
worker. Time that the program itself takes is real, so a table says how busy workers are kept:

    share = sum of the times of items / (workers x time from the first start to the last answer)
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import random
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import snnplug
from snnplug import Answer, ExecutorSpec, Registry, Trial
from snnplug.engine.scoring.evaluator import Scored
from snnplug.seeds import derive_seed

DEATHS = 0.002  # of items that kill their worker, half-way


class Clock:
    """Time that passes as it does while the program works, and at once while it waits."""

    def __init__(self) -> None:
        self.now, self.work = 0.0, 0.0
        self._since, self._cpu = time.perf_counter(), time.process_time()

    def listen(self) -> None:
        """Count what the program has done since it was last answered."""
        passed = time.perf_counter() - self._since
        self.work += passed
        self.now += passed

    def answer(self, at: float) -> None:
        """Let the program go on, not before some time."""
        self.now = max(self.now, at)
        self._since = time.perf_counter()

    def stop(self) -> None:
        """Count to the end, CPU time of the program too."""
        self.listen()
        self.cpu = time.process_time() - self._cpu


class Pretended:
    """Workers that take time and give made-up scores."""

    clock: Clock
    times: tuple[float, ...] = ()
    busy = 0.0
    deaths = 0

    def __init__(self, build: Any, workers: int) -> None:
        Pretended.clock, Pretended.busy, Pretended.deaths = Clock(), 0.0, 0
        self.coming: list[tuple[float, int, Answer]] = []
        self.count = 0

    def start(self, number: int) -> None:
        """Start one, in no time."""
        self._later(0.0, Answer(number))

    def give(self, number: int, item: Any) -> None:
        """Let one work."""
        self.count += 1
        rng = random.Random(derive_seed("pretended", item.key, self.count))
        seconds = rng.choice(self.times)
        if rng.random() < DEATHS:
            Pretended.deaths += 1
            return self._later(seconds / 2, Answer(number, lost="pretended"))
        Pretended.busy += seconds
        score = random.Random(item.key).random()
        trial = Trial(
            index=item.index,
            genotype=item.genotype,
            key=item.key,
            score=score,
            seconds=seconds,
            rung=item.rung,
        )
        return self._later(seconds, Answer(number, Scored(trial)))

    def answers(self, seconds: float | None) -> Iterable[Answer]:
        """Return the next answer, and all that came while the program was at work."""
        self.clock.listen()
        at, _, first = heapq.heappop(self.coming)
        found = [first]
        while self.coming and self.coming[0][0] <= max(self.clock.now, at):
            found.append(heapq.heappop(self.coming)[2])
        self.clock.answer(at)
        return found

    def end(self, number: int) -> None:
        """Nothing is ended."""

    def close(self) -> None:
        """Stop the clock."""
        self.clock.stop()

    def _later(self, seconds: float, answer: Answer) -> None:
        self.count += 1
        heapq.heappush(self.coming, (self.clock.now + seconds, self.count, answer))


def search(strategy: str, draws: int, workers: int, round_size: int, times: Iterable[float]) -> str:
    """Return a line of the table."""
    Pretended.times = tuple(times)
    registry = Registry([*Registry.from_installed(quiet=True)])
    registry.register(ExecutorSpec(name="pretended", target=Pretended, summary="Takes time."))
    recipe = {
        "search": {
            "space": {"use": "snasnet", "channels": 16, "backward": True},
            "strategy": {"use": strategy, "draws": draws},
            "scorer": "sahd",
            "baselines": False,
            "workers": workers,
            "executor": "pretended",
            "round_size": round_size,
        },
        "measure": {"samples": 1},
    }
    with tempfile.TemporaryDirectory(dir=".") as folder:
        snnplug.run(recipe, out=Path(folder) / "run", registry=registry, device="cpu")
    clock, mean = Pretended.clock, sum(Pretended.times) / len(Pretended.times)
    share, mine = Pretended.busy / (workers * clock.now), clock.work / clock.now
    cpu = 1000 * clock.cpu / draws
    return (
        f"| {strategy} | {round_size} | {workers} | {mean:.2f} | {clock.now:,.0f} | {share:.1%} | "
        f"{mine:.1%} | {1000 * clock.work / draws:.2f} | {cpu:.2f} | {Pretended.deaths} |"
    )


def main() -> None:
    """Print the table."""

    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("run", type=Path)
    options.add_argument("--draws", type=int, default=5000)
    options.add_argument("--scale", type=float, nargs="+", default=[1.0, 20.0])
    options.add_argument("--workers", type=int, nargs="+", default=[10, 100, 1000])
    options.add_argument("--rounds", type=int, nargs="+", default=[16, 256, 5000])
    options.add_argument("--strategies", nargs="+", default=["random", "evolution"])
    given = options.parse_args()
    times = [trial["seconds"] for trial in json.loads((given.run / "trials.json").read_text())]
    print(f"{len(times)} measured times, load {os.getloadavg()[0]:.1f}, {given.draws} draws")
    print(
        "| strategy | round | workers | mean s an item | s in all | workers busy | program busy | "
        "ms a draw | CPU ms a draw | deaths |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for strategy in given.strategies:
        for scale in given.scale:
            for round_size in given.rounds:
                for workers in given.workers:
                    scaled = [scale * seconds for seconds in times]
                    print(search(strategy, given.draws, workers, round_size, scaled), flush=True)


if __name__ == "__main__":
    main()
