"""What is published fits together, and installs from built files alone; so does what users write."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement

from snnplug import KINDS
from snnplug.recipe.built_in import load_built_in

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {
    extra: {Requirement(line).name for line in lines}
    for extra, lines in PROJECT["optional-dependencies"].items()
}
TINY = ["-s", "search.strategy.draws=2", "-s", "search.scorer.steps=2"]
TINY += ["-s", "train.epochs=1", "--device", "cpu"]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_all", ROOT / ".ci" / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plugins_of(value: Any) -> set[str]:
    """Return the plugins whose things a recipe names."""
    if isinstance(value, dict):
        return set().union(*map(plugins_of, value.values()))
    if isinstance(value, list):
        return set().union(*map(plugins_of, value))
    return {value.split(":")[0]} if isinstance(value, str) and ":" in value else set()


def test_the_extra_default_is_what_the_built_in_recipe_uses() -> None:
    baselines = {"snnplug-sahd"}  # which the search records beside every score
    assert EXTRAS["default"] == plugins_of(load_built_in("default")) | baselines


def test_the_extra_all_is_what_the_requirements_list() -> None:
    lines = (ROOT / "plugins" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    prefix = "./plugins/"
    assert EXTRAS["all"] == {line.removeprefix(prefix) for line in lines if line.startswith(prefix)}


def test_versions_bounds_and_changelog_agree(build) -> None:
    assert list(build.mistakes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))) == []


def test_what_does_not_agree_is_said(build) -> None:
    [missing, *plugins] = build.mistakes("## [9.9.9] - 2030-01-01\n")
    assert missing == "snnplug/version.py says 0.1.0, the newest entry of CHANGELOG.md is 9.9.9"
    assert len(plugins) == len(build.PLUGINS)
    dated = "## [0.1.0] - unreleased\n"
    assert list(build.mistakes(dated)) == []
    assert list(build.mistakes(dated, release=True)) == [
        "CHANGELOG.md says 0.1.0 is unreleased; give it the date of the release"
    ]
    assert list(build.mistakes("## [0.1.0] - 2026-12-01\n", release=True)) == []


# from built files alone


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build everything, and return the folder."""
    pytest.importorskip("build")
    pytest.importorskip("twine")
    folder = tmp_path_factory.mktemp("built") / "dist"
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "build.py"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def environment(built: Path, environment_in, tmp_path_factory: pytest.TempPathFactory):
    """Return a new environment in which `snnplug[default]` is installed from that folder."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("fresh")
    environment = environment_in(folder)
    environment.pip("install", "--no-index", "--find-links", str(built), "snnplug[default]", cwd=folder)
    return environment


def listed(environment, cwd: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(environment.run("-m", "snnplug", "list", "--json", cwd=cwd).stdout)
    return found


@pytest.mark.slow
def test_every_distribution_is_built_twice(built: Path, build) -> None:
    names = ["snnplug", *(folder.name for folder in build.PLUGINS)]
    for ending in (".tar.gz", "-py3-none-any.whl"):
        files = {file.name.split("-0.")[0].replace("_", "-") for file in built.glob(f"*{ending}")}
        assert files == set(names)


@pytest.mark.slow
def test_the_built_in_recipe_runs_from_built_files_alone(environment, tmp_path: Path) -> None:
    where = environment.run("-c", "import snnplug; print(snnplug.__file__)", cwd=tmp_path).stdout
    assert "/fresh" in where  # not the checkout
    found = listed(environment, tmp_path)
    assert {entry["plugin"] for entry in found["registrations"]} == EXTRAS["default"]
    assert found["problems"] == []
    environment.run("-m", "snnplug", "run", "-q", "--out", "run", *TINY, cwd=tmp_path)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["accuracy"]["test"] > 0
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000


@pytest.mark.slow
def test_all_of_it_installs(built: Path, environment_in, tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    environment.pip("install", "--no-index", "--find-links", str(built), "snnplug[all]", cwd=tmp_path)
    found = listed(environment, tmp_path)
    assert {entry["plugin"] for entry in found["registrations"]} == EXTRAS["all"]
    assert found["problems"] == []


@pytest.mark.slow
def test_a_new_package_of_every_kind_is_tested_used_and_removed(environment, tmp_path: Path) -> None:
    names = {kind: f"acme-{kind.replace('_', '-')}" for kind in KINDS}
    for kind, name in names.items():
        environment.run("-m", "snnplug", "new", name, "--kind", kind, cwd=tmp_path)
    wheels = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", "wheels"]
    environment.pip(*wheels, *(f"./{name}" for name in names.values()), cwd=tmp_path)
    offline = ["install", "--no-index", "--find-links", "wheels"]
    environment.pip(*offline, *names.values(), cwd=tmp_path)

    tests = [f"{name}/tests" for name in names.values()]
    done = environment.run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *tests, cwd=tmp_path
    )
    assert "failed" not in done.stdout
    for kind, name in names.items():
        if kind == "benchmark":
            used = [
                "correlate",
                f"{name}/example.toml",
                "--benchmark",
                f"{name}:acme_{kind}",
                "--sample",
                "3",
            ]
            out = environment.run(
                "-m", "snnplug", *used, "--scorer", "parameters", "--device", "cpu", cwd=tmp_path
            ).stdout
            assert "6 cells" in out
            continue
        out, more = f"runs/{name}", ["--tracker", f"{name}:acme_{kind}"] if kind == "tracker" else []
        environment.run(
            "-m", "snnplug", "run", f"{name}/example.toml", "-q", "--out", out, *more, cwd=tmp_path
        )
        if kind == "tracker":  # no part of the result
            assert list((tmp_path / out / "trackers" / f"acme_{kind}").iterdir())
            continue
        assert f"{name}:acme_{kind}" in (tmp_path / out / "resolved.json").read_text()

    everything = {entry["plugin"] for entry in listed(environment, tmp_path)["registrations"]}
    assert set(names.values()) <= everything
    environment.pip("uninstall", "-y", names["loss"], cwd=tmp_path)
    assert {e["plugin"] for e in listed(environment, tmp_path)["registrations"]} == everything - {
        names["loss"]
    }
