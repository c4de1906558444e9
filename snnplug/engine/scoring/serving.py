"""What a worker process does. The module imports no torch: first of all the process is tied to its driver."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Mapping
from multiprocessing import spawn
from multiprocessing.connection import Connection
from typing import Any

from snnplug.engine.lifeline import end_with
from snnplug.engine.process import keep_freed_memory
from snnplug.errors import RunFailed, SnnplugError, one_line

__all__ = ["READY", "serve"]

READY = "ready"  # sent once, when the parts are built


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
    try:
        _bring_in(program)
        _work(pipe, number)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the driver is gone
    except Exception as error:
        pipe.send_bytes(_portable(error))


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
            'calls snnplug.run with search.workers must do so under `if __name__ == "__main__":`'
        ) from error


def _work(pipe: Connection, number: int) -> None:
    work = pickle.loads(pipe.recv_bytes())(number)
    pipe.send_bytes(pickle.dumps(READY))
    while True:
        item = pickle.loads(pipe.recv_bytes())
        pipe.send_bytes(pickle.dumps(work(item)))


def _portable(error: Exception) -> bytes:
    """Return an error for the driver to raise."""
    if isinstance(error, SnnplugError):
        try:
            content = pickle.dumps(error)
            pickle.loads(content)
        except Exception:
            return pickle.dumps(RunFailed(str(error)))
        return content
    return pickle.dumps(RunFailed(f"a worker process failed: {one_line(error)}"))
