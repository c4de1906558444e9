"""What was promised to plugins works on: names, parameters, a plugin written for the version before."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import snnplug
from snnplug import errors
from snnplug.errors import PluginDeprecation, deprecated
from snnplug.version import REQUIREMENT, __version__

DATA = Path(__file__).parent / "data" / "written-for-0.1"
PACKAGE = Path(snnplug.__file__).parent
LINE = re.compile(r"(.+?) (-|\(.*\))")
ANNOUNCED = re.compile(r"\bdeprecated\([^)]*since=\"(\d+)\.(\d+)\"", re.DOTALL)


@pytest.fixture(autouse=True)
def nothing_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "_announced", set())


def test_a_plugin_asks_for_its_version_and_the_two_after_it() -> None:
    version, asked = Version(__version__), Requirement(REQUIREMENT)
    minors = [f"{version.major}.{version.minor + more}.7" for more in range(4)]
    assert [minor in asked.specifier for minor in minors] == [True, True, True, False]
    assert version in asked.specifier


def test_what_goes_away_is_announced_once_with_the_plugins_name() -> None:
    words = "^acme-neurons uses `Loss.read`, for which snnplug 0.2 has `Loss.readout`; snnplug 0.4 will"
    with pytest.warns(PluginDeprecation, match=words):
        deprecated("acme-neurons", "`Loss.read`", "`Loss.readout`", since="0.2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        deprecated("acme-neurons", "`Loss.read`", "`Loss.readout`", since="0.2")  # said before
    with pytest.warns(PluginDeprecation, match="acme-losses"):
        deprecated("acme-losses", "`Loss.read`", "`Loss.readout`", since="0.2")


@pytest.mark.parametrize("by", [Requirement, Requirement("a"), shutil.copytree])
def test_a_plugin_is_named_by_a_thing_of_its(by: object) -> None:
    package = "shutil" if by is shutil.copytree else "packaging"
    with pytest.warns(PluginDeprecation, match=f"^{package} uses"):
        deprecated(by, "a", "b", since="0.2")


def test_what_was_announced_is_taken_out_in_time() -> None:
    version, late = Version(__version__), []
    for file in PACKAGE.rglob("*.py"):
        for major, minor in ANNOUNCED.findall(file.read_text(encoding="utf-8")):
            if (version.major, version.minor) >= (int(major), int(minor) + 2):
                late.append(f"{file.name}: announced by {major}.{minor}")
    assert late == []
    assert ANNOUNCED.findall('deprecated(self, "a", "b", since="0.2")') == [("0", "2")]


# names and parameters


def read(text: str) -> dict[str, list[str] | None]:
    found: dict[str, list[str] | None] = {}
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        assert match is not None, line
        known = match[2][1:-1]
        found[match[1]] = None if match[2] == "-" else [word for word in known.split(", ") if word]
    return found


def broken(before: dict[str, list[str] | None], now: dict[str, list[str] | None]) -> list[str]:
    """Return what a plugin that was written before would stumble over."""
    found = []
    for name, known in before.items():
        if name not in now:
            found.append(f"{name} is gone")
            continue
        given, after = {word.lstrip("*") for word in known or ()}, now[name]
        if known is None or after is None:
            continue
        names = [word.lstrip("*") for word in after]
        found += [f"{name} has no parameter {word} any more" for word in sorted(given - set(names))]
        found += [f"{name} needs {word}" for word in after if word[0] == "*" and word not in known]
        if [word for word in names if word in given] != [word.lstrip("*") for word in known]:
            found.append(f"{name} has its parameters in another order")
    return found


def test_every_name_and_parameter_of_the_version_before_is_there() -> None:
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("contracts", DATA / "contracts.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = read((DATA / "contracts.txt").read_text(encoding="utf-8"))
    assert len(before) > 300
    assert broken(before, module.contracts()) == [], "announce it first; see docs/stability.md"


def test_what_breaks_a_plugin_is_seen() -> None:
    before = {"a": ["*x", "y"], "b": [], "c": None, "d": ["x", "y"]}
    now = {"a": ["*x", "*z", "w"], "c": None, "d": ["y", "x", "more"]}
    assert broken(before, before) == []
    assert broken(before, now) == [
        "a has no parameter y any more",
        "a needs *z",
        "a has its parameters in another order",
        "b is gone",
        "d has its parameters in another order",
    ]


# a plugin of that time


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install the plugin as it was written, where this process finds it; return its folder."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("first")
    shutil.copytree(DATA / "acme-first", folder / "acme-first")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    place = folder / "installed"
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(place), "./acme-first"]
    subprocess.run(command, cwd=folder, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setenv("SNNPLUG_STRICT", "1")
        yield folder


def test_its_own_tests_pass(first: Path, run_pytest) -> None:
    reports = run_pytest(first / "acme-first" / "tests", "-W", "error")
    assert [report.longreprtext for report in reports.values() if report.failed] == []
    assert sum(report.passed for report in reports.values()) > 60


def test_it_works_in_a_run_without_a_warning(first: Path, tmp_path: Path) -> None:
    recipe = {
        "neuron": {"use": "acme-first:first_lif", "tau": 1.5},
        "search": {"strategy": {"draws": 2}, "scorer": {"use": "acme-first:first_scorer"}},
        "loss": {"use": "acme-first:first_loss", "base": "snnplug-tet:sdt"},
        "train": {"epochs": 1},
        "energy": {"models": ["acme-first:first_energy"]},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", PluginDeprecation)
        done = snnplug.run(recipe, out=tmp_path / "run", device="cpu")
    (energy,) = done.summary["energy"]
    assert energy["model"] == "acme-first:first_energy"
    assert energy["facts"]["spikes"] > 0
    assert done.summary["search"]["evaluated"] >= 1
