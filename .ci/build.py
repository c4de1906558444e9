"""Build wheel and source distribution of snnplug and every plugin: python .ci/build.py [DIST] [--release]

Versions, bounds and the changelog are held against each other first; at the end twine checks the files.
With --release the newest entry of the changelog has to have a date. Needs the dependency group `package`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
ENTRY = re.compile(r"^## \[([^\]]+)\] - (\S+)$", re.MULTILINE)


def project(folder: Path) -> dict[str, Any]:
    """Return the table `project` of a distribution."""
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def core_version() -> str:
    """Return the version of snnplug, as `snnplug/version.py` has it."""
    text = (ROOT / "snnplug/version.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found is not None, "snnplug/version.py has no version between quotes"
    return found[1]


def mistakes(changelog: str, *, release: bool = False) -> Iterator[str]:
    """Yield what does not fit together, a line each.

    Args:
        changelog: text of CHANGELOG.md.
        release: the newest entry has to have a date.
    """
    core, entries = core_version(), dict(ENTRY.findall(changelog))
    newest = next(iter(entries), "none")
    if newest != core:
        yield f"snnplug/version.py says {core}, the newest entry of CHANGELOG.md is {newest}"
    elif release and not re.fullmatch(r"\d{4}-\d\d-\d\d", entries[newest]):
        yield f"CHANGELOG.md says {newest} is {entries[newest]}; give it the date of the release"
    for folder in PLUGINS:
        plugin = project(folder)
        if plugin["version"] not in entries:
            yield f"{folder.name} has the version {plugin['version']}, which is no entry of CHANGELOG.md"
        [bounds] = [r for r in map(Requirement, plugin["dependencies"]) if r.name == "snnplug"]
        if core not in bounds.specifier:
            yield f"{folder.name} requires {bounds}, and snnplug is {core}"
    versions = {folder.name: project(folder)["version"] for folder in PLUGINS}
    for extra, lines in project(ROOT)["optional-dependencies"].items():
        for requirement in map(Requirement, lines):
            version = versions.get(requirement.name)
            if version is not None and version not in requirement.specifier:
                yield f"snnplug[{extra}] requires {requirement}, and {requirement.name} is {version}"


def main(arguments: list[str]) -> str:
    """Build everything, and return what stands in the way, or an empty text."""
    places = [argument for argument in arguments if argument != "--release"]
    out = Path(places[0] if places else "dist").resolve()
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if found := list(mistakes(changelog, release="--release" in arguments)):
        return "\n".join(found)
    if out.is_dir() and any(out.iterdir()):
        return f"{out} is not empty; give another folder, or empty it"
    for folder in (ROOT, *PLUGINS):
        print(folder.name if folder != ROOT else "snnplug", flush=True)
        build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(folder)]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    files = sorted(str(file) for file in out.iterdir() if file.suffix in (".whl", ".gz"))
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], check=True)
    print(f"{len(files)} files of {1 + len(PLUGINS)} distributions in {out}")
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)  # a text is printed, and is a failure
