"""A new plugin: a package of one method that works, filled in from the templates of its kind.

`templates/package/` holds what all packages have, `templates/kinds/KIND/` the method of a kind, its tests, a
recipe that uses it, and `kind.toml`: what the card in the README says.
"""

from __future__ import annotations

import ast
import datetime
import tomllib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs
import jinja2
from packaging.requirements import Requirement

from snnplug.errors import UsageError
from snnplug.registry.kinds import KINDS
from snnplug.scaffold.names import package_of, target_of
from snnplug.version import REQUIREMENT

__all__ = ["LICENCES", "NewPlugin", "description_of", "write_package"]

TEMPLATES = Path(__file__).parent / "templates"
LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause")


@attrs.frozen(kw_only=True)
class NewPlugin:
    """What a new package is made of.

    Attributes:
        name: of the distribution, such as `acme-neurons`.
        kind: of its method.
        method: the name under which it is registered.
        description: one line.
        author: who has the copyright.
        licence: one of `LICENCES`.
    """

    name: str
    kind: str
    method: str
    description: str
    author: str
    licence: str


def description_of(kind: str) -> str:
    """Return what the method of a kind's template is, in one line."""
    text: str = _facts(kind)["description"]
    return text


def write_package(new: NewPlugin, folder: Path) -> None:
    """Write the package into a folder that is not there yet.

    Raises:
        UsageError: the folder exists, or cannot be written.
    """
    files = _package_files(new)
    try:
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except FileExistsError:
        raise UsageError(f"{folder} exists already; give another folder with --out") from None
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}") from error


def _package_files(new: NewPlugin) -> dict[str, str]:
    """Return the files of the package: texts by path."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

    def fill(template: str, known: Mapping[str, Any]) -> str:
        return environment.get_template(f"{template}.j2").render(known)

    known = _words(new)
    kind, package, module = f"kinds/{new.kind}", known["package"], known["module"]
    draft = fill(f"{kind}/method.py", {**known, "target": "Draft"})
    known["target"] = target_of(new.method, known["sort"], _imported(draft), new.kind)
    known["example"] = fill(f"{kind}/example.toml", known)
    return {
        "pyproject.toml": fill("package/pyproject.toml", known),
        "README.md": fill("package/README.md", known),
        "LICENSE": fill(f"licences/{new.licence}.txt", known),
        ".gitignore": fill("package/gitignore", known),
        ".github/workflows/test.yml": fill("package/test.yml", known),
        "example.toml": known["example"],
        f"{package}/__init__.py": fill("package/__init__.py", known),
        f"{package}/plugin.py": fill("package/plugin.py", known),
        f"{package}/py.typed": "",
        f"{package}/{module}.py": fill(f"{kind}/method.py", known),
        f"tests/test_{package}.py": fill(f"{kind}/test.py", known),
    }


def _words(new: NewPlugin) -> dict[str, Any]:
    """Return all that the templates of a package speak of, but for the name of the target."""
    kind = KINDS[new.kind]
    facts = _facts(new.kind)
    return {
        **facts,
        **attrs.asdict(new),
        "package": package_of(new.name),
        "words": new.kind.replace("_", " "),
        "spec": kind.spec.__name__,
        "hook": kind.hook,
        "contract": kind.contract,
        "core": REQUIREMENT,
        "requires": list(map(_as_ours, facts["requires"])),
        "year": datetime.date.today().year,
    }


def _facts(kind: str) -> dict[str, Any]:
    """Return `kind.toml` of a kind."""
    return tomllib.loads((TEMPLATES / "kinds" / kind / "kind.toml").read_text(encoding="utf-8"))


def _as_ours(name: str) -> str:
    """Return a requirement with the bounds that snnplug itself has on it."""
    ours = map(Requirement, metadata.requires("snnplug") or ())
    return next((str(requirement) for requirement in ours if requirement.name == name), name)


def _imported(source: str) -> set[str]:
    """Return the names that a module imports."""
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {(alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names}
