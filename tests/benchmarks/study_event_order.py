"""Does a task need time? The recipe events on both embedded event tasks, with time as it is and shuffled.

    python tests/benchmarks/study_event_order.py --out RUNS [--seeds 0 1 2 3 4]

leaves one run directory each and a table in Markdown on standard output; runs that are there already are
not repeated. Intervals are bootstrap ones over the seeds, 95 %.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from snnplug import resume, run
from snnplug.engine.process import keep_freed_memory
from snnplug.runs.compare import ComparedRun
from snnplug.statistics.intervals import Estimate, estimate_mean, paired_difference

TASKS = ("ordered_digits", "moving_digits")


def finished(out: Path, task: str, shuffled: bool, seed: int) -> ComparedRun:
    """Return a run, made or continued where it is not there."""
    path = out / f"{task}{'-shuffled' if shuffled else ''}-seed{seed}"
    if not (path / "summary.json").exists():
        if (path / "resolved.json").exists():
            resume(path)
        else:
            overrides = [
                f"dataset.use=snnplug-datasets:{task}",
                f"dataset.shuffle_time={str(shuffled).lower()}",
                f"seed={seed}",
            ]
            run("events", out=path, overrides=overrides)
    return ComparedRun.read(path)


def percent(estimate: Estimate) -> str:
    """Return an accuracy or a difference of two, with its interval."""
    low, high = (estimate.value if bound is None else bound for bound in (estimate.low, estimate.high))
    return f"{100 * estimate.value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run directories")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    given = parser.parse_args()
    keep_freed_memory()
    accuracies: dict[tuple[str, bool], list[float]] = {}
    for seed in given.seeds:
        for task in TASKS:
            for shuffled in (False, True):
                measured = finished(given.out, task, shuffled, seed).summary.accuracy
                assert measured is not None
                assert measured.test is not None
                accuracies.setdefault((task, shuffled), []).append(float(measured.test))
    print("| task | test accuracy in % | least of all | time shuffled | most of all | what time gives |")
    print("|---|---:|---:|---:|---:|---:|")
    for task in TASKS:
        plain, shuffled_time = accuracies[task, False], accuracies[task, True]
        cells = [
            f"`{task}`",
            percent(estimate_mean(plain)),
            f"{100 * min(plain):.1f}",
            percent(estimate_mean(shuffled_time)),
            f"{100 * max(shuffled_time):.1f}",
            percent(paired_difference(plain, shuffled_time)),
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
