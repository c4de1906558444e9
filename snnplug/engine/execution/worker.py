"""A worker process as its driver sees it: how it is started, spoken to and ended."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
from collections.abc import Iterator
from multiprocessing import get_context, resource_tracker, spawn
from types import ModuleType
from typing import Any

from snnplug.engine.execution.serving import serve

__all__ = ["Worker"]

_SAFE_PATH = "PYTHONSAFEPATH"
_TO_END = 1.0  # seconds for a process to go by itself


class Worker:
    """A process that may start others.

    Args:
        orders: a pickled `build(number) -> work`; the process calls work with each item that it is given.
        number: its place among the workers, from 0, on which its device depends.
    """

    def __init__(self, orders: bytes, number: int = 0) -> None:
        context = get_context("spawn")  # a forked process could not use CUDA, nor torch's threads
        self.pipe, theirs = context.Pipe()
        environment = {_SAFE_PATH: os.environ.get(_SAFE_PATH)}
        told = (theirs, _program(), environment, number)
        self.process = context.Process(target=serve, args=told)
        with _without_this_folder(), _without_interrupts(), _without_a_program():
            self.process.start()
        theirs.close()  # else the end of the process would not be seen
        self._send(orders)

    def give(self, item: Any) -> None:
        """Let it work on an item."""
        self._send(pickle.dumps(item))

    def receive(self) -> Any:
        """Return a result; the first one, None, says that it is ready.

        Raises:
            EOFError, OSError: the process has ended.
        """
        return pickle.loads(self.pipe.recv_bytes())

    def end(self, patience: float = 0.0) -> int | None:
        """End the process, also one that is stuck, and return its exit code.

        Args:
            patience: seconds to wait for it to end by itself.
        """
        self.process.join(patience)
        self.process.terminate()
        self.process.join(_TO_END)
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        self.pipe.close()
        self.process.close()
        return code

    def _send(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended, which is seen when its answer is read
            self.pipe.send_bytes(message)


def _program() -> dict[str, Any]:
    """Return where the program's main module is, for a process that has to import it.

    A program that is no file, as one that is read from standard input, cannot be imported.
    """
    found = {k: v for k, v in spawn.get_preparation_data("").items() if k.startswith("init_main")}
    path = found.get("init_main_from_path")
    return {} if isinstance(path, str) and not os.path.exists(path) else found


@contextlib.contextmanager
def _without_a_program() -> Iterator[None]:
    """Let a process begin without importing the program's main module: it is tied to its driver before.

    Importing that module may take seconds, in which the driver can end.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _without_this_folder() -> Iterator[None]:
    """Let a process begin without the folder that it stands in among those it imports from.

    Python would put it first, so that a file `signal.py` there took the place of Python's own. What the
    driver imports from comes later, by itself.
    """
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        if hasattr(signal, "pthread_sigmask"):  # where it is, the first worker would start this process too
            resource_tracker.ensure_running()
        yield
    finally:
        del os.environ[_SAFE_PATH]
        if before is not None:
            os.environ[_SAFE_PATH] = before


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back inside the block, and from a process begun in it: until it ignores it by itself
    it would answer with a traceback of its imports. Starting the resource tracker would let it in again."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
