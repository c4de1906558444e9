"""Settings of a process that is ours alone, made before torch is loaded."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time

from snnplug.engine.launcher import is_first
from snnplug.engine.lifeline import end_with

__all__ = ["bound_spinning", "end_with_the_first", "keep_freed_memory", "own_process"]

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of malloc.h
_SPINS = "10000"  # some tens of microseconds; by default it is milliseconds


def own_process() -> None:
    """Make all settings of this module."""
    keep_freed_memory()
    bound_spinning()
    end_with_the_first()


def keep_freed_memory() -> None:
    """Ask glibc to keep the memory of freed tensors for the next ones; elsewhere nothing happens.

    It gives large blocks back to the system as soon as they are freed, and the system clears
    the new pages of the next tensor: a third of a small network's forward pass on a CPU.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_MMAP_MAX, 0)
            libc.mallopt(_M_TRIM_THRESHOLD, -1)


def end_with_the_first() -> None:
    """Where a run has several processes, end the others with the one that has started them."""
    launcher = os.getppid()

    def wait() -> None:
        while os.getppid() == launcher:
            time.sleep(0.5)

    if os.environ.get("LOCAL_RANK", "0") != "0" or not is_first():
        end_with(launcher, wait)


def bound_spinning() -> None:
    """Let OpenMP's threads, which wait for each other by spinning, sleep soon.

    Beside other busy processes the late one otherwise waits for the time slice that the others spin away.
    What the user has set is kept.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
