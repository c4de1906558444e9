"""What starting loads: `import snnplug` next to nothing, a listing only what it needs.

tests/benchmarks/bench_startup.py measures what that saves.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import snnplug

HEAVY = {"torch", "numpy", "rich", "cattrs", "optuna", "matplotlib"}
SLOW = HEAVY | {"importlib.metadata", "email", "packaging", "tomllib", "snnplug.contracts"}
PLUGIN = (
    "from snnplug import NeuronSpec, hookimpl\n"
    "@hookimpl\n"
    "def snnplug_neurons():\n"
    "    return [NeuronSpec(name='good', target='good_plugin.neuron:Good', summary='Good.')]\n"
)


def loaded(distributions: Any, code: str) -> set[str]:
    """Return the modules that a piece of code loads in a new process."""
    script = f"{code}\nimport sys, json\nprint(); print(json.dumps(list(sys.modules)))"
    done = distributions.run("-c", script)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_package_loads_nothing_else(distributions):
    more = loaded(distributions, "import snnplug") - loaded(distributions, "import importlib, typing")
    assert more == {"__future__", "snnplug"}


@pytest.mark.parametrize("command", ["['--version']", "['--help']", "['list']", "['recipes']"])
def test_a_listing_loads_what_it_needs(distributions, command):
    distributions.add("good-plugin", PLUGIN, files={"neuron.py": ""})
    code = (
        f"from snnplug.cli import main\ntry: main({command})\n"
        "except SystemExit as end: assert not end.code, end.code"
    )
    modules = loaded(distributions, code)
    assert not modules & (SLOW | {"good_plugin.neuron"})
    assert ("good_plugin.plugin" in modules) == ("list" in command)


def test_an_egg_on_the_path_is_still_found(distributions, distributions_in, tmp_path):
    distributions.add("good-plugin", PLUGIN)
    info = distributions_in(tmp_path / "eggs").add("old-plugin", PLUGIN.replace("good", "old"))
    (info / "METADATA").rename(info / "PKG-INFO")
    info.rename(info.with_name("old_plugin-1.0-py3.egg-info"))
    found = distributions.probe(path=[tmp_path / "eggs"])
    assert found["names"] == ["good-plugin:good", "old-plugin:old"]


def test_a_finder_of_somebody_else_is_still_asked(distributions, distributions_in, tmp_path):
    distributions_in(tmp_path / "hidden").add("hidden-plugin", PLUGIN.replace("good", "hidden"))
    code = (
        "import importlib.machinery\nfrom importlib import metadata\n"
        f"folder = {str(tmp_path / 'hidden')!r}\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        return importlib.machinery.PathFinder.find_spec(name, path or [folder])\n"
        "    def find_distributions(self, context=None):\n"
        "        here = metadata.DistributionFinder.Context(path=[folder])\n"
        "        return metadata.MetadataPathFinder.find_distributions(here)\n"
        "sys.meta_path.append(Finder())\n"
        "result['now'] = [r.qualified for r in Registry.from_installed() if r.plugin != 'snnplug']\n"
    )
    assert distributions.probe(code)["now"] == ["hidden-plugin:hidden"]


def test_public_names_are_written_alike():
    """The names for type checkers, those that are loaded on demand, and `__all__` are the same."""
    tree = ast.parse(Path(snnplug.__file__).read_text(encoding="utf-8"))
    [checking] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = {
        alias.name: node.module
        for node in checking.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imports == {**snnplug._HOME, "errors": "snnplug"}
    assert sorted(imports) == sorted(snnplug.__all__)
    assert dir(snnplug) == sorted(snnplug.__all__)
    assert all(getattr(snnplug, name) is not None for name in snnplug.__all__ if "torch" in sys.modules)
