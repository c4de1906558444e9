"""What a worker process does. The module imports no torch: first of all the process is tied to its driver."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Mapping
from multiprocessing import spawn
from multiprocessing.connection import Connection
from typing import Any

from snnplug.engine.lifeline import end_with
from snnplug.engine.process import keep_freed_memory
from snnplug.errors import RunFailed, one_line

__all__ = ["serve"]


def serve(
    pipe: Connection, program: Mapping[str, Any], environment: Mapping[str, str | None], number: int
) -> None:
    """Do what comes through the pipe until it closes.

    Args:
        pipe: gives a pickled `build(number) -> work`, then one item after the other.
        program: the driver's main module, as `multiprocessing` describes it; objects may be defined in it.
        environment: variables to put back, None for those to remove.
        number: place among the workers, on which the device depends.
    """
    driver = multiprocessing.parent_process()
    assert driver is not None and driver.pid is not None
    end_with(driver.pid, driver.join)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    for name, value in environment.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    keep_freed_memory()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the driver is gone
        work = _begin(pipe.recv_bytes(), program, number)
        pipe.send_bytes(pickle.dumps(None))
        while True:
            item = pickle.loads(pipe.recv_bytes())
            pipe.send_bytes(pickle.dumps(work(item)))


def _begin(orders: bytes, program: Mapping[str, Any], number: int) -> Callable[[Any], Any]:
    """Return the work that the orders build, or one whose every answer is why there is none."""
    try:
        _bring_in(program)
        work: Callable[[Any], Any] = pickle.loads(orders)(number)
    except Exception as error:
        from snnplug.engine.execution.orders import Raised

        failed = Raised.of(error)
        return lambda item: failed
    return work


def _bring_in(program: Mapping[str, Any]) -> None:
    """Import the driver's main module under another name, up to its `if __name__ == "__main__":`.

    Raises:
        RunFailed: it fails here.
    """
    try:
        spawn.prepare(dict(program))
    except (Exception, SystemExit) as error:
        raise RunFailed(
            f"a worker process cannot import {' '.join(program.values())}: {one_line(error)}; a script that "
            'starts workers must do so under `if __name__ == "__main__":`'
        ) from error
