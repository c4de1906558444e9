"""What the benchmarks share: alternating measurement, medians, peak memory, tables."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from snnplug.engine.process import keep_freed_memory

Work = Callable[[], object]


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks have."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--quick", action="store_true", help="small and few; shows that it runs")
    options.add_argument("--repeats", type=int, default=7, help="timed calls of each contestant, at least")
    options.add_argument(
        "--seconds",
        type=float,
        default=0.5,
        help="go on until a round of calls has been timed this long in all",
    )
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    options.add_argument(
        "--clock", choices=["cpu", "wall"], help="default: cpu time with one thread on the CPU, else wall"
    )
    options.add_argument(
        "--no-kept-memory", dest="keep_memory", action="store_false", help="as in a plain Python process"
    )
    options.add_argument("--no-compile", dest="compile", action="store_false", help="leave torch.compile out")
    return options


def set_up(options: argparse.Namespace) -> None:
    """Set the threads, choose the clock, and say what is measured where."""
    torch.set_num_threads(options.threads)
    if options.keep_memory:  # as in a run; new pages cost much, and not evenly
        keep_freed_memory()
    if options.clock is None:
        options.clock = "cpu" if options.threads == 1 and options.device == "cpu" else "wall"
    device = torch.cuda.get_device_name() if options.device == "cuda" else f"{os.cpu_count()}-core CPU"
    print(
        f"{device}, {instruction_sets()}, {options.threads} thread(s), torch {torch.__version__}, Python "
        f"{platform.python_version()}, {options.clock} time, {options.repeats} repeats, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def instruction_sets() -> str:
    """Return what torch's kernels and oneDNN's products are chosen by."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    known = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "avx512_bf16", "amx_bf16")
    found = [flag for flag in known if f" {flag}" in flags]
    limits = [
        f"{key}={os.environ[key]}"
        for key in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
        if key in os.environ
    ]
    return " ".join([torch.backends.cpu.get_cpu_capability(), *found, *limits])


def seconds(work: Work, options: argparse.Namespace) -> float:
    """Return the time of one call."""
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    if options.device == "cuda":
        torch.cuda.synchronize()
    start = clock()
    work()
    if options.device == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def alternate(contestants: Mapping[str, Work], options: argparse.Namespace) -> dict[str, list[float]]:
    """Time each contestant once a round, A B C C B A, each after a call of its own that is not timed.

    None then always follows the same other one. The untimed call gives every contestant the caches
    and the free memory it leaves itself.
    """
    for work in contestants.values():
        work()  # compiles
    times: dict[str, list[float]] = {name: [] for name in contestants}
    rounds, spent = 0, 0.0
    while rounds < options.repeats or (spent < options.seconds and not options.quick):
        order = list(contestants.items())
        for name, work in order if rounds % 2 == 0 else reversed(order):
            work()
            times[name].append(seconds(work, options))
        rounds, spent = rounds + 1, spent + sum(values[-1] for values in times.values())
    return times


def peak_bytes(work: Work, device: str) -> int:
    """Return the most memory that torch holds during a call, beyond what it held before."""
    work()
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with _no_messages(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    held = peak = 0
    for event in sorted(seen.profiler.kineto_results.events(), key=lambda e: e.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


@contextmanager
def _no_messages() -> Iterator[None]:
    """Keep off the terminal what the profiler writes to it."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def show(times: Mapping[str, list[float]], peaks: Mapping[str, int], baseline: str) -> None:
    """Print a line for each contestant: median, spread, the ratio to the baseline, memory.

    The ratio is the median over the rounds of the ratio within a round: what disturbs a round disturbs both.
    """
    print(f"  {'':<34}{'median ms':>10}{'min':>9}{'max':>9}{'ratio':>8}{'peak MB':>9}")
    for name, values in times.items():
        median = statistics.median(values)
        ratio = statistics.median(a / b for a, b in zip(values, times[baseline], strict=True))
        memory = f"{peaks[name] / 1e6:9.1f}" if name in peaks else ""
        print(
            f"  {name:<34}{median * 1e3:10.3f}{min(values) * 1e3:9.3f}{max(values) * 1e3:9.3f}"
            f"{ratio:8.3f}{memory}",
            flush=True,
        )
