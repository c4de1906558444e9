"""`--dashboard`: a process beside the run, gone with it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from snnplug import run
from snnplug.engine.dashboard import serve_dashboard
from snnplug.errors import UsageError
from snnplug.runs.directory import RunDirectory

STUB = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

def run_server(storage, host, port):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            names = [study.study_name for study in storage.get_all_studies()]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"{os.getpid()} {names}".encode())
    HTTPServer((host, port), Handler).serve_forever()
"""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a small server in the place of Optuna's, for this process and those it starts."""
    folder = tmp_path / "modules" / "optuna_dashboard"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(STUB)
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setenv("PYTHONPATH", str(folder.parent))
    monkeypatch.delitem(sys.modules, "optuna_dashboard", raising=False)


def read(address: str) -> str:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")  # killed, but its new parent has not asked for it yet
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.usefixtures("stub")
def test_it_serves_the_journal_of_the_run_and_ends_with_it(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    del toy_recipe["train"]
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry, dashboard=True)
    assert re.search(r"dashboard: http://127\.0\.0\.1:\d+, until the run ends", capfd.readouterr().err)
    with serve_dashboard(RunDirectory(tmp_path / "run")) as address:
        process, _, studies = read(address).partition(" ")
        assert studies == "['search']"
        assert lives(int(process))
    assert not lives(int(process))


@pytest.mark.slow
@pytest.mark.usefixtures("stub")
def test_it_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from snnplug.engine.dashboard import serve_dashboard
from snnplug.runs.directory import RunDirectory
with serve_dashboard(RunDirectory(Path({str(tmp_path)!r}))) as address:
    print(address, flush=True)
    time.sleep(100)
"""
    driver = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    process = int(read(driver.stdout.readline().strip()).split()[0])
    driver.kill()
    driver.communicate()
    deadline = time.monotonic() + 30
    while lives(process):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_is_missing_is_said_before_anything_starts(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "optuna_dashboard" else find(name, *a)
    )
    with pytest.raises(UsageError, match=r"pip install 'snnplug\[dashboard\]'"):
        run(toy_recipe, out=tmp_path / "run", registry=toy_registry, dashboard=True)
    assert not (tmp_path / "run").exists()


def test_a_recipe_without_a_search_has_nothing_to_show(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    del toy_recipe["search"]
    toy_recipe["architecture"] = {"use": "toy"}
    with pytest.raises(UsageError, match="shows a search, and the recipe has none"):
        run(toy_recipe, out=tmp_path / "run", registry=toy_registry, dashboard=True)
