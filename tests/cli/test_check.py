from __future__ import annotations

import pytest
from click.testing import CliRunner

from snnplug import NeuronSpec, Problem, Registration, Registry
from snnplug.cli import main


def good(*, tau: float = 2.0):
    return tau


@pytest.fixture
def install(monkeypatch):
    def install(*specs, problems=()):
        registry = Registry([Registration("acme-neurons", "1.2", spec) for spec in specs], problems)
        monkeypatch.setattr(Registry, "from_installed", lambda *args, **kwargs: registry)

    return install


def invoke(*args, code=0):
    result = CliRunner().invoke(main, ["check", *args])
    assert result.exit_code == code, result.output
    return result


def neuron(name, target=good, **more):
    return NeuronSpec(name=name, target=target, summary="For tests.", **more)


def test_all_well(install):
    install(neuron("one"), neuron("two"))
    assert invoke().stdout == "2 registered things of 1 plugins: no problems\n"


def test_one_line_for_each_mistake(install):
    install(
        neuron("absent", "nowhere_to_be_found:X"),
        neuron("good"),
        neuron("constant", "math:pi"),
        neuron("nested", components={"base": "neuron"}),
        neuron("unnamed", lambda tau, /: tau),
        problems=[Problem("bad-plugin", "0.3", "import", "ImportError: no")],
    )
    assert invoke(code=1).stdout.splitlines() == [
        "plugin bad-plugin 0.3 was left out (import): ImportError: no; run: pip install -U bad-plugin",
        "neuron acme-neurons:absent 1.2 cannot be loaded from nowhere_to_be_found:X: "
        "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        "neuron acme-neurons:constant 1.2 cannot be loaded from math:pi: float is not callable",
        "neuron acme-neurons:nested 1.2: its spec names the component 'base', which is no parameter of it",
        "neuron acme-neurons:unnamed 1.2: its parameter 'tau' has no name that a recipe could set; "
        "write it behind a *",
    ]


def test_recipe_that_does_not_exist(install):
    install()
    result = invoke("no_such_recipe.toml", code=2)
    assert result.stderr.startswith("snnplug: no recipe file 'no_such_recipe.toml'")


def test_recipe_with_mistakes(install, tmp_path):
    install(neuron("good"))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[neuron]\nuse = "goood"\n[architecture]\nuse = "none"\n[train]\nepochs = 1\n')
    result = invoke(str(recipe), code=2)
    assert "neuron.use: unknown neuron 'goood'. Did you mean 'good'?" in result.stderr
    assert "architecture.use: unknown architecture 'none'. Installed: none" in result.stderr
    assert "Traceback" not in result.stderr


def test_installed_plugins_have_no_problems():
    pytest.importorskip("torch")
    if not Registry.from_installed():
        pytest.skip("no plugin is installed")
    assert "no problems" in invoke().stdout
    assert invoke("default").stdout == "recipe default: no problems\n"
