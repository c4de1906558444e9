"""How much memory is free: on a GPU as its driver says, on a machine within the limit of its cgroup."""

from __future__ import annotations

import os
from pathlib import Path

import torch

__all__ = ["free_memory"]

_CGROUP = Path("/sys/fs/cgroup")


def free_memory(device: torch.device) -> int | None:
    """Return the bytes that this process can still take on a device; None where nobody says."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    found = [size for size in (_available(Path("/proc/meminfo")), _left(_CGROUP)) if size is not None]
    if not found and "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", ()):
        found.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found, default=None)


def _available(file: Path) -> int | None:
    try:
        facts = dict(line.split(":") for line in file.read_text().splitlines())
        return int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _left(cgroup: Path) -> int | None:
    """Return what a cgroup leaves; cached files, which go when memory is short, are no use of it."""
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
        lines = (cgroup / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):  # no cgroup, or no limit: "max"
        return None
    counts = dict(line.split() for line in lines)
    return max(0, limit - used + int(counts.get("inactive_file", 0)))
