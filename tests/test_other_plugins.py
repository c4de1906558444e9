"""A plugin that offers names of ours breaks no built-in recipe; a bare name is then asked about."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("snnplug_snasnet", reason="the built-in recipes need the first plugins")

from snnplug import Registry
from snnplug.recipe.built_in import built_in_recipes
from snnplug.recipe.read import read_recipe
from snnplug.registry.kinds import KINDS

ROOT = Path(__file__).parents[1]
RECIPE = """
[dataset]
use = "snnplug-datasets:digits"
[encoder]
use = "snnplug-encoders:direct"
[neuron]
use = "imp"
base = "lif"
[architecture]
use = "vgg"
[train]
epochs = 1
"""


def same_names() -> str:
    """Return a plugin that offers, of every kind, all names that are installed."""
    registry = Registry.from_installed(quiet=True)
    hooks = ["import snnplug"]
    for kind in KINDS.values():
        specs = ", ".join(
            f"snnplug.{kind.spec.__name__}(name={r.name!r}, target='math:sqrt', summary='Not ours.')"
            for r in registry.list(kind.name)
        )
        hooks.append(f"@snnplug.hookimpl\ndef snnplug_{kind.plural}():\n    return [{specs}]")
    return "\n\n".join(hooks)


@pytest.fixture(scope="module")
def foreign(distributions_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("site")
    distributions_in(folder).add("acme-everything", same_names())
    return folder


def check(foreign: Path, recipe: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    path = [str(foreign), str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    options = [part for override in overrides for part in ("-s", override)]
    return subprocess.run(
        [sys.executable, "-m", "snnplug", "check", recipe, "--device", "cpu", *options],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_built_in_recipes_mean_ours_whatever_else_is_installed(foreign: Path) -> None:
    done = check(foreign, "default")
    assert done.returncode == 0, done.stderr
    assert "snnplug-lif:lif; there are also acme-everything:lif\n" in done.stdout
    assert done.stdout.endswith("recipe default: no problems\n")


def test_a_bare_name_that_two_plugins_offer_is_asked_about(foreign: Path) -> None:
    done = check(foreign, "default", "neuron.use=lif")
    assert done.returncode == 2
    assert "choose one of acme-everything:lif, snnplug-lif:lif" in done.stderr


@pytest.mark.parametrize("name", built_in_recipes())
def test_built_in_recipes_name_the_plugin_of_everything(name: str) -> None:
    recipe = read_recipe(name)
    uses = [use.table["use"] for use in recipe.named]
    nested = [value["use"] for use in recipe.named for value in use.table.values() if isinstance(value, dict)]
    assert uses
    assert all(":" in name for name in (*uses, *nested)), uses


def test_check_says_what_bare_names_mean(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(RECIPE)
    done = check(tmp_path, str(file))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "neuron.use: imp means snnplug-imp:imp",
        "neuron.base.use: lif means snnplug-lif:lif",
        "architecture.use: vgg means snnplug-models:vgg",
        f"recipe {file}: no problems",
    ]


def test_a_plugin_that_is_missing_is_named() -> None:
    from snnplug.errors import UnknownName

    with pytest.raises(UnknownName, match="No plugin snnplug-lif is installed"):
        Registry().find("neuron", "snnplug-lif:lif")
