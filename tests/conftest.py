"""Fixtures of all core and cross-plugin tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("SNNPLUG_SHARED", ROOT.parent / "shared"))


def _folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"no folder {name!r} under SNNPLUG_SHARED={SHARED}")
    return folder


@pytest.fixture(scope="session")
def oracles() -> Path:
    """Folder of reference results, which are not shipped."""
    return _folder("oracles")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real data sets, which are not shipped."""
    return _folder("data")


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the checkout."""
    return ROOT


@pytest.fixture
def run_pytest() -> Callable[..., dict[str, pytest.TestReport]]:
    """Run pytest in this process on the tests of a folder; return a report for each test by its name.

    Starting Python and importing torch once more would take longer than most such tests.
    """

    class Reports:
        def __init__(self) -> None:
            self.found: dict[str, pytest.TestReport] = {}

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.when == "call" or not report.passed:
                self.found[report.nodeid.partition("::")[2]] = report

    def run(folder: Path, *arguments: str) -> dict[str, pytest.TestReport]:
        reports = Reports()
        options = ["--rootdir", str(folder), "--import-mode=importlib", "-p", "no:cacheprovider"]
        pytest.main([*options, *arguments, str(folder)], plugins=[reports])
        return reports.found

    return run


class Distributions:
    """A folder of installed distributions: packages beside their `.dist-info`, as pip leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self,
        name: str,
        plugin: str,
        *,
        version: str = "1.0",
        requires: Iterable[str] = ("snnplug>=0.1,<0.2",),
        entry_points: str = "",
        files: dict[str, str] | None = None,
    ) -> Path:
        """Install a plugin whose `plugin.py` has that source, and return its `.dist-info`."""
        package = name.replace("-", "_").lower()
        info = self.folder / f"{package}-{version}.dist-info"
        requirements = "".join(f"Requires-Dist: {line}\n" for line in requires)
        contents = {
            f"{package}/__init__.py": "",
            f"{package}/plugin.py": plugin,
            **{f"{package}/{path}": text for path, text in (files or {}).items()},
            f"{info.name}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            + requirements,
            f"{info.name}/entry_points.txt": entry_points or f"[snnplug]\nit = {package}.plugin\n",
            f"{info.name}/INSTALLER": "pip\n",
        }
        contents[f"{info.name}/RECORD"] = "".join(f"{path},,\n" for path in contents)
        for path, text in contents.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return info

    def run(
        self, *args: str, path: Iterable[Path] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Python with the folder in front; of the plugins of this environment none is on."""
        installed = {e.dist.name for e in metadata.entry_points(group="snnplug") if e.dist is not None}
        environment["SNNPLUG_DISABLE"] = ",".join([*installed, environment.get("SNNPLUG_DISABLE", "")])
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SNNPLUG_")}
        search = os.pathsep.join(map(str, [self.folder, *path, ROOT]))
        return subprocess.run(
            [sys.executable, *args],
            env={**inherited, "PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def probe(self, code: str = "", **options: Any) -> dict[str, Any]:
        """Build the registry in a new process and return what it found, what was imported, and stderr."""
        script = (
            "import json, sys\n"
            "from snnplug import Registry\n"
            "registry = Registry.from_installed()\n"
            "names = [r.qualified for r in registry if r.plugin != 'snnplug']\n"
            "problems = [(p.plugin, p.version, p.phase, p.error, p.details) for p in registry.problems]\n"
            "result = dict(names=names, problems=problems, modules=sorted(sys.modules))\n"
            f"{code}\n"
            "print(json.dumps(result))\n"
        )
        done = self.run("-c", script, **options)
        assert done.returncode == 0, done.stderr
        return {**json.loads(done.stdout), "stderr": done.stderr.splitlines()}


class Environment:
    """A new environment of Python that sees this one's third-party packages, and nothing of ours.

    Attributes:
        python: its Python.
    """

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "venv", symlinks=True)
        self.python = folder / "venv" / "bin" / "python"
        third = folder / "third"
        third.mkdir()
        for path in [Path(place) for place in sys.path if place.endswith("site-packages")]:
            for entry in path.iterdir():
                ours = (
                    entry.name.lower().startswith(("snnplug", "acme", "__pycache__"))
                    or entry.suffix == ".pth"
                )
                if not ours and not (third / entry.name).exists():
                    (third / entry.name).symlink_to(entry)
        [packages] = folder.glob("venv/lib/python*/site-packages")
        (packages / "third.pth").write_text(f"{third}\n")

    def pip(self, *args: str, cwd: Path) -> str:
        """Run pip on it, without an index, and return what pip says."""
        command = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(self.python),
            "--disable-pip-version-check",
            *args,
        ]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run its Python, which must end well."""
        mine = ("SNNPLUG_", "PYTHON", "PYTEST_", "COVERAGE")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(mine)}
        environment |= {"SNNPLUG_STRICT": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
        done = subprocess.run(
            [str(self.python), *args],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture(scope="session")
def environment_in() -> type[Environment]:
    """Make a new environment in a folder."""
    return Environment


@pytest.fixture(scope="session")
def distributions_in() -> type[Distributions]:
    """Make a folder to install distributions into, for processes started with it."""
    return Distributions


@pytest.fixture
def distributions(distributions_in: type[Distributions], tmp_path: Path) -> Distributions:
    """Folder of a single test to install distributions into."""
    return distributions_in(tmp_path / "site")
