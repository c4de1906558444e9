"""Where others run: no fcntl and no SIGKILL, paths of all sorts, an installation nobody may write to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import snnplug
from snnplug.cli import main

HERE = Path(__file__).parent

PRELUDE = """
import os, signal, sys

sys.path.insert(0, {here!r})
for module in ("fcntl", "resource", "pwd", "grp"):
    sys.modules[module] = None
for name in ("SIGKILL", "SIGHUP", "SIGQUIT", "SIGUSR1", "pthread_sigmask", "sigwait", "setitimer"):
    if hasattr(signal, name):
        delattr(signal, name)
"""

RUNS = """
import toys, snnplug

registry = toys.toy_registry()
done = snnplug.run(toys.RECIPE, out={out!r}, registry=registry)
again = snnplug.resume({out!r}, registry=registry)
assert again.summary["accuracy"] == done.summary["accuracy"]
assert snnplug.replay({out!r}, out={out!r} + "-again", registry=registry).identical
print("well")
"""

READ_ONLY = """
import os, sys

sys.dont_write_bytecode = True
sys.path.insert(0, {here!r})
import snnplug
home = os.path.dirname(snnplug.__file__)
written = []

def watch(event, args):
    name, mode, *_ = (*args, None, None)
    if event == "open" and isinstance(name, str) and isinstance(mode, str) and set("wax+") & set(mode):
        path = os.path.abspath(name)
        if path.startswith(home) or "site-packages" in path:
            written.append(path)

sys.addaudithook(watch)
"""


def python(script: str, **values: Any) -> None:
    code = script.format(here=str(HERE), **values)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("well\n")


def test_without_what_windows_has_not(tmp_path: Path) -> None:
    python(PRELUDE + RUNS, out=str(tmp_path / "run"))


def test_nothing_is_written_beside_the_package(tmp_path: Path) -> None:
    python(READ_ONLY + RUNS + "assert not written, written\n", out=str(tmp_path / "run"))


def test_cause_of_death_without_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    from snnplug.engine.execution.processes import _cause

    assert "out of memory" in _cause(-9)
    monkeypatch.delattr(signal, "SIGKILL")
    assert "out of memory" in _cause(-9)
    assert "exit code 3" in _cause(3)


@pytest.mark.parametrize("name", ["mit Leerzeichen", "データ — ünï", 'it\'s "quoted"; rm', "-dash", "a\nb"])
def test_paths_of_all_sorts(name: str, toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / name
    done = snnplug.run(toy_recipe, out=folder / "run", registry=toy_registry)
    page = (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert "snnplug replay" in page
    assert snnplug.resume(folder / "run", registry=toy_registry).summary["epochs"] == 4
    result = CliRunner().invoke(main, ["compare", "--", str(done.directory), str(done.directory)])
    assert result.exit_code == 0, result.output


@pytest.mark.skipif(sys.platform != "linux", reason="paths are bytes on Linux")
def test_a_path_that_is_no_text(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    import os

    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    done = snnplug.run(toy_recipe, out=folder, registry=toy_registry)
    assert (folder / "report.html").stat().st_size > 10_000
    assert snnplug.load(done.directory, registry=toy_registry).predict(_image()).labels.shape == (1,)


def _image() -> Any:
    import torch

    return torch.rand(1, 4, 4)
