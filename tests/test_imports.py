"""Imports point one way: cli → engine → report → runs → recipe → registry → contracts → errors."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import snnplug

PACKAGE = Path(snnplug.__file__).parent
ORDER = ("errors", "contracts", "registry", "recipe", "runs", "report", "engine", "cli")
ASIDE = {"statistics": {"contracts", "errors"}, "nn": {"contracts", "errors"}}
ASIDE["scaffold"] = {"registry", "errors"}
PUBLIC = ("snnplug", "snnplug.nn", "snnplug.nn.events", "snnplug.errors")
LEAVES = {"version", "seeds"}  # whoever needs them


def modules() -> dict[str, Path]:
    found = {}
    for file in PACKAGE.rglob("*.py"):
        parts = ("snnplug", *file.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def imported(module: str) -> Iterator[str]:
    """Yield the modules of the package that one imports, anywhere in its text."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module in MODULES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


GRAPH = {module: sorted({name for name in imported(module) if name != module}) for module in MODULES}


def test_no_circle() -> None:
    graphlib.TopologicalSorter(GRAPH).prepare()  # raises CycleError, which names the circle


def test_rooms_are_entered_from_above_only() -> None:
    wrong = []
    for module, names in GRAPH.items():
        here = room(module)
        for name in names:
            there = room(name)
            if here == there or there in LEAVES or here in ("", "testing", "__main__"):
                continue
            if here in ASIDE:
                allowed = there in ASIDE[here]
            elif there in ASIDE:
                allowed = here in ("report", "engine", "cli")
            else:
                allowed = here in ORDER and there in ORDER and ORDER.index(there) < ORDER.index(here)
            if not allowed:
                wrong.append(f"{module} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_one_path_to_a_name() -> None:
    homes = {
        (node.module, alias.name)
        for module in MODULES
        if module != "snnplug"
        for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if alias.name in ("Component", "Registry", "Recipe", "RunDirectory", "Plan", "Parts")
    }
    assert len({name for _, name in homes}) == len(homes), sorted(homes)


def test_plugins_import_what_is_public() -> None:
    plugins = Path(__file__).parents[1] / "plugins"
    wrong = []
    for file in plugins.glob("*/snnplug_*/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            if module.split(".")[0] == "snnplug" and module not in PUBLIC:
                wrong.append(f"{file.relative_to(plugins)}: {module}")
    assert not wrong, "\n".join(wrong)
