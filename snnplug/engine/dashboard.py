"""Optuna's dashboard on the journal of a search or study that goes on, as a process beside it.

It only reads, listens on this machine alone, and asks for a token, which stands in the address that is
printed. It goes with what started it, however that one ends.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server

from snnplug.engine.lifeline import end_with
from snnplug.engine.reading_only import ReadingOnly
from snnplug.errors import UsageError
from snnplug.recipe.recipe import Recipe
from snnplug.runs.directory import RunDirectory

__all__ = ["check_dashboard", "need_dashboard", "serve_dashboard"]

HOST = "127.0.0.1"


def check_dashboard(recipe: Recipe) -> None:
    """Make sure that the dashboard can be opened.

    Raises:
        UsageError: it is not installed, or the recipe has no search.
    """
    if recipe.search is None:
        raise UsageError("--dashboard shows a search, and the recipe has none; leave it out, or add [search]")
    need_dashboard()


def need_dashboard() -> None:
    """Make sure that the dashboard is there.

    Raises:
        UsageError: it is not installed.
    """
    if importlib.util.find_spec("optuna_dashboard") is None:
        raise UsageError(
            "--dashboard needs optuna-dashboard, which is not installed; "
            "install it with: pip install 'snnplug[dashboard]'"
        )


@contextlib.contextmanager
def serve_dashboard(
    directory: RunDirectory, journal: str = "trials.journal", what: str = "run"
) -> Iterator[str]:
    """Serve the dashboard of a journal while the block runs; print and yield its address.

    Args:
        directory: of the run or study.
        journal: its name there.
        what: ends with the block, for the line that is printed.
    """
    path = [folder or os.getcwd() for folder in sys.path]  # it imports from where this process does
    code = f"import sys; sys.path[:] = {path!r}; from {__name__} import _serve; _serve(*sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code, str(directory.file(journal)), str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    token = secrets.token_urlsafe(32)  # by the pipe: other users see what a process is called with
    with contextlib.suppress(OSError):  # it has ended, which is seen when its answer is read
        process.stdin.write(f"{token}\n")
        process.stdin.flush()
    port = process.stdout.readline().strip()
    address = f"http://{HOST}:{port}/?token={token}"
    said = f"{address}, until the {what} ends" if port else "it does not start"
    print(f"dashboard: {said}", file=sys.stderr, flush=True)
    try:
        yield address
    finally:
        process.terminate()
        process.communicate()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def _serve(journal: str, driver: str) -> None:
    """Read the token, bind a port and say which, and serve until the driver ends."""
    token = sys.stdin.readline().strip()
    end_with(int(driver), sys.stdin.read)
    with make_server(HOST, 0, _unready, _Server) as server:
        print(server.server_port, flush=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        import optuna_dashboard

        app: Any = optuna_dashboard.wsgi(_storage(Path(journal)))
        server.set_app(ReadingOnly(app, token, f"snnplug-{server.server_port}"))
        server.serve_forever()


def _unready(environ: Any, start_response: Any) -> Any:
    raise AssertionError("nothing is served before the dashboard is there")


def _storage(journal: Path) -> Any:
    """Return Optuna's storage on a journal that another process writes."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    class ReadOnlyBackend(JournalFileBackend):
        def append_logs(self, logs: Any) -> None:
            raise PermissionError("the journal is written by the search alone")

    return JournalStorage(ReadOnlyBackend(str(journal)))
