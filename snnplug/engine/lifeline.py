"""A process that ends with the one that started it, however that one ends.

A thread waits for it, which any system allows. Where Python cannot run a thread, as in C code that
never gives it the chance, only the system can end the process: Linux does, on request.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable

__all__ = ["end_with"]

_PR_SET_PDEATHSIG = 1  # of sys/prctl.h


def end_with(parent: int, wait: Callable[[], object]) -> None:
    """End this process as soon as its parent has ended; return at once.

    Args:
        parent: process number of the parent.
        wait: returns when the parent has ended.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before it could be watched
            os._exit(1)
    threading.Thread(target=_end_after, args=(wait,), name="lifeline", daemon=True).start()


def _end_after(wait: Callable[[], object]) -> None:
    wait()
    os._exit(1)
