"""Every plugin in `plugins/` is a distribution of its own, complete and alike."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from snnplug import KINDS
from snnplug.registry.discovery import canonical

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
NAMES = [plugin.name for plugin in PLUGINS]


def _project(plugin: Path) -> dict:
    return tomllib.loads((plugin / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _lines(name: str) -> list[str]:
    text = (ROOT / "plugins" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_requirements_list_the_core_and_every_plugin_once():
    paths, apart = _lines("requirements.txt"), _lines("requirements-all.txt")
    assert paths[0] == "."
    assert paths[1:] == sorted(paths[1:])
    assert apart[0] == "-r requirements.txt"
    assert apart[1:] == sorted(apart[1:])
    assert sorted([*paths[1:], *apart[1:]]) == [f"./plugins/{name}" for name in NAMES]
    assert _lines("requirements-dev.txt") == [f"-e {path}" for path in paths]


def test_what_has_another_licence_is_asked_for_by_name():
    apart = [name for name in NAMES if f"./plugins/{name}" in _lines("requirements-all.txt")]
    licences = {plugin.name: _project(plugin)["license"] for plugin in PLUGINS}
    assert {name for name, licence in licences.items() if licence != "Apache-2.0"} <= set(apart)
    needed = [
        line for plugin in PLUGINS if plugin.name not in apart for line in _project(plugin)["dependencies"]
    ]
    assert not [line for line in needed if line.startswith(("tonic", *apart))]


@pytest.mark.parametrize("plugin", PLUGINS, ids=NAMES)
class TestPlugin:
    def test_project(self, plugin):
        project = _project(plugin)
        module = plugin.name.replace("-", "_")
        assert project["name"] == plugin.name
        assert plugin.name.startswith("snnplug-")
        assert list(project["entry-points"]) == ["snnplug"]
        assert list(project["entry-points"]["snnplug"].values()) == [f"{module}.plugin"]
        [core] = [line for line in project["dependencies"] if line.startswith("snnplug")]
        assert core == "snnplug>=0.1,<0.2"
        for file in ("__init__.py", "plugin.py", "py.typed"):
            assert (plugin / module / file).is_file()

    def test_no_path_leads_out_of_it(self, plugin):
        for file in plugin.rglob("*"):
            if file.suffix in (".py", ".toml", ".md"):
                text = file.read_text(encoding="utf-8")
                assert "../" not in text, file
                assert "snnplug.engine" not in text, file
                others = [n for n in NAMES if n != plugin.name and f"import {n.replace('-', '_')}" in text]
                assert not others, f"{file} imports {others}"

    def test_tests(self, plugin):
        tests = list((plugin / "tests").glob("test_*.py"))
        assert tests
        assert not (plugin / "tests" / "__init__.py").exists()
        texts = [test.read_text(encoding="utf-8") for test in tests]
        assert any("def test_" in text for text in texts)
        kit = rf'\(PluginConformance\):\n    name = "{plugin.name}"'
        assert any(re.search(kit, text) for text in texts), "no test class is a PluginConformance"

    def test_readme(self, plugin):
        text = (plugin / "README.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {plugin.name}\n")
        assert f"pip install {plugin.name}" in text
        assert "```" in text
        missing = [spec.name for spec in _specs(plugin) if not re.search(rf"\b{spec.name}\b", text)]
        assert not missing, f"{plugin.name}/README.md does not mention {missing}"

    def test_specs(self, plugin):
        specs = _specs(plugin)
        assert specs
        for spec in specs:
            assert spec.target.startswith(plugin.name.replace("-", "_") + ".")
            assert spec.summary.endswith(".")


def test_plugin_modules_import_neither_torch_nor_numpy():
    modules = [f"{plugin.name.replace('-', '_')}.plugin" for plugin in PLUGINS if _is_installed(plugin)]
    code = (
        "import importlib, sys\n"
        f"for module in {modules}:\n"
        "    importlib.import_module(module)\n"
        "    heavy = [name for name in ('torch', 'numpy') if name in sys.modules]\n"
        "    assert not heavy, f'{module} imports {heavy}'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def _is_installed(plugin: Path) -> bool:
    return plugin.name in {canonical(e.dist.name) for e in metadata.entry_points(group="snnplug") if e.dist}


def _specs(plugin: Path) -> list:
    if not _is_installed(plugin):
        pytest.skip(f"{plugin.name} is not installed")
    module = importlib.import_module(f"{plugin.name.replace('-', '_')}.plugin")
    return [
        spec for kind in KINDS.values() if hasattr(module, kind.hook) for spec in getattr(module, kind.hook)()
    ]
