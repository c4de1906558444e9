"""`--dashboard`: a process beside the run, gone with it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from snnplug import run
from snnplug.engine.dashboard import serve_dashboard
from snnplug.engine.reading_only import ReadingOnly
from snnplug.errors import UsageError
from snnplug.runs.directory import RunDirectory

STUB = """
import os

def wsgi(storage):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/write":
            try:
                storage.delete_study(0)
            except Exception as error:
                return [str(error).encode()]
        names = [study.study_name for study in storage.get_all_studies()]
        return [f"{os.getpid()} {names}".encode()]
    return app
"""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a small server in the place of Optuna's, for this process and those it starts."""
    folder = tmp_path / "modules" / "optuna_dashboard"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(STUB)
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.delitem(sys.modules, "optuna_dashboard", raising=False)


def ask(address: str, *, opener: Any = None, **request: Any) -> tuple[int, str]:
    """Return status and content of an answer; cookies are kept by the opener."""
    opener = opener or urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    try:
        with opener.open(urllib.request.Request(address, **request), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def read(address: str) -> str:
    status, text = ask(address)
    assert status == 200, text
    return text


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
    said = r"dashboard: http://127\.0\.0\.1:\d+/\?token=[\w-]{43}, until the run ends"
    assert re.search(said, capfd.readouterr().err)
    with serve_dashboard(RunDirectory(tmp_path / "run")) as address:
        process, _, studies = read(address).partition(" ")
        assert studies == "['search']"
        assert lives(int(process))
    assert not lives(int(process))


@pytest.mark.usefixtures("stub")
def test_it_is_read_only_and_for_its_user_alone(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    del toy_recipe["train"]
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    journal = (tmp_path / "run" / "trials.journal").read_bytes()
    with serve_dashboard(RunDirectory(tmp_path / "run")) as address:
        site = address.partition("/?")[0]
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert ask(site) == (403, "open the address with the token, which the run has printed\n")
        assert ask(f"{site}/?token=wrong")[0] == 403
        assert ask(site, headers={"Cookie": "snnplug-1=x; ;;=="})[0] == 403
        status, content = ask(address, opener=opener)
        assert status == 200
        assert ask(f"{site}/studies", opener=opener) == (200, content), "the cookie opens all pages"
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"):
            for host in ({}, {"Cookie": f"snnplug-{site.rpartition(':')[2]}={address.partition('=')[2]}"}):
                assert ask(address, opener=opener, method=method, headers=host)[0] == 405
        assert ask(address, headers={"Host": "evil.example"})[0] == 403
        assert ask(address, headers={"Host": "evil.example:80"})[0] == 403
        assert ask(address, headers={"Host": "localhost:9999"})[0] == 200
        assert "written by the search alone" in ask(f"{site}/write", opener=opener)[1]
        assert ask(site, opener=opener, method="HEAD") == (200, "")
    assert (tmp_path / "run" / "trials.journal").read_bytes() == journal


def test_the_token_becomes_a_cookie_that_no_other_site_can_use() -> None:
    answers: list[tuple[str, dict[str, str]]] = []
    app = ReadingOnly(lambda environ, start: [b"inside"], "secret", "snnplug-1")
    environ = {"REQUEST_METHOD": "GET", "HTTP_HOST": "127.0.0.1:1", "PATH_INFO": "//evil.example/x"}
    app(
        {**environ, "QUERY_STRING": "token=secret&a=b"},
        lambda status, headers: answers.append((status, dict(headers))),
    )
    [(status, headers)] = answers
    assert status.startswith("303")
    assert headers["Location"] == "/evil.example/x?a=b"
    assert headers["Set-Cookie"] == "snnplug-1=secret; Path=/; HttpOnly; SameSite=Strict"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_a_dashboard_that_does_not_start_is_no_reason_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [])  # nothing is found there
    with serve_dashboard(RunDirectory(tmp_path)):
        assert capfd.readouterr().err == "dashboard: it does not start\n"


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
