"""Optuna's dashboard on the journal of a running search, as a process beside it.

`python -m snnplug.engine.dashboard JOURNAL PORT` serves it, and ends when its standard input closes:
it goes with the run that started it, also if that one is killed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from snnplug.errors import UsageError
from snnplug.recipe.recipe import Recipe
from snnplug.runs.directory import RunDirectory

__all__ = ["check_dashboard", "serve_dashboard"]

HOST = "127.0.0.1"


def check_dashboard(recipe: Recipe) -> None:
    """Make sure that the dashboard can be opened.

    Raises:
        UsageError: it is not installed, or the recipe has no search.
    """
    if recipe.search is None:
        raise UsageError("--dashboard shows a search, and the recipe has none; leave it out, or add [search]")
    if importlib.util.find_spec("optuna_dashboard") is None:
        raise UsageError(
            "--dashboard needs optuna-dashboard, which is not installed; "
            "install it with: pip install 'snnplug[dashboard]'"
        )


@contextlib.contextmanager
def serve_dashboard(directory: RunDirectory) -> Iterator[str]:
    """Serve the dashboard of a run directory while the block runs; print and yield its address."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    address = f"http://{HOST}:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "snnplug.engine.dashboard", str(directory.file("trials.journal")), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    print(f"dashboard: {address}, until the run ends", file=sys.stderr, flush=True)
    try:
        yield address
    finally:
        process.terminate()
        process.communicate()


def _serve(journal: Path, port: int) -> None:
    import optuna_dashboard

    from snnplug.runs.journal import journal_storage

    threading.Thread(target=_end_with_parent, daemon=True).start()
    optuna_dashboard.run_server(journal_storage(journal), host=HOST, port=port)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]))
