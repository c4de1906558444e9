"""What a job does: connect to the program that has submitted it, and work until that hangs up."""

from __future__ import annotations

import contextlib
import os
import pickle
from multiprocessing.connection import Client

__all__ = ["work_for"]


def work_for(host: str, port: int, secret: bytes, number: int, folder: str) -> None:
    """Do what comes from a program.

    Args:
        host, port: where it listens.
        secret: by which both know each other.
        number: of this worker.
        folder: that the program stands in; paths of a recipe may be relative to it.
    """
    if os.path.isdir(folder):
        os.chdir(folder)
    with Client((host, port), authkey=secret) as driver, contextlib.suppress(EOFError, OSError):
        driver.send(number)
        work = pickle.loads(driver.recv_bytes())(number)
        driver.send(None)
        while True:
            driver.send(work(driver.recv()))
