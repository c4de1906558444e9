"""How many CPU threads a piece of work pays for.

Threads of OpenMP wait for each other by spinning, so beside other busy processes, or with fewer cores
than a container shows, a second thread costs many times what it saves; and for a small network it saves
nothing even on a quiet machine. How many there are also decides the last bits of a sum: the number is
taken from the size of the work and recorded, so that a small run is the same with any number of cores.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from snnplug.engine.parts import Parts
from snnplug.runs.records import Threads

__all__ = ["available_threads", "forward_operations", "threads_for", "threads_here", "use_threads"]

_WORTH_A_THREAD = 2e9  # floating-point operations of one forward pass of a batch; see docs/benchmarks.md


def available_threads() -> int:
    """Return the cores that this process may use: by torch's setting, its affinity and its cgroup's quota."""
    found = [torch.get_num_threads()]
    if hasattr(os, "sched_getaffinity"):
        found.append(len(os.sched_getaffinity(0)))
    quota = _quota(Path("/sys/fs/cgroup/cpu.max"))
    if quota is not None:
        found.append(max(1, int(quota)))
    return min(found)


def _quota(file: Path) -> float | None:
    try:
        limit, period = file.read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        return None


def forward_operations(parts: Parts, model: nn.Module, batch_size: int) -> float:
    """Return the floating-point operations of one forward pass of a batch."""
    training = model.training
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        parts.calls.network(model, parts.sample(1))
    model.train(training)
    return float(counter.get_total_flops()) * batch_size


def threads_here() -> Threads:
    """Return how many threads a run may take on this machine: `OMP_NUM_THREADS`, where it is set, is kept."""
    fixed = "OMP_NUM_THREADS" in os.environ
    return Threads(count=torch.get_num_threads() if fixed else available_threads(), fixed=fixed)


def threads_for(parts: Parts, model: nn.Module, batch_size: int, threads: Threads | None = None) -> int:
    """Return the number of threads to compute batches of a network with.

    Args:
        parts, model, batch_size: the work.
        threads: how many it may take, as a run has recorded them; None for this machine's.
    """
    allowed = threads or threads_here()
    if allowed.fixed or parts.device.type != "cpu":
        return allowed.count if allowed.fixed else torch.get_num_threads()
    worth = forward_operations(parts, model, batch_size) / _WORTH_A_THREAD
    return max(1, min(allowed.count, int(worth)))


@contextlib.contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Compute in that many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
