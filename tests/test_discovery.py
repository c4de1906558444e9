"""Discovery, on distributions that are really installed, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """
from snnplug import NeuronSpec, hookimpl

@hookimpl
def snnplug_neurons():
    yield NeuronSpec(name="good", target="good_plugin.neuron:Good", summary="Good.")
"""

HEAD = "from snnplug import EncoderSpec, NeuronSpec, hookimpl\n"


def neurons(body: str, decorator: str = "@hookimpl") -> str:
    """Source of a plugin with one hook."""
    return f"{HEAD}\n{decorator}\ndef snnplug_neurons():\n    {body}\n"


def neuron(name: str = "bad", more: str = "") -> str:
    return f"NeuronSpec(name={name!r}, target='bad_plugin.neuron:Bad', summary='Bad.'{more})"


MORE = ", aliases=['bad']"

BROKEN = {
    "import error": (
        "import nowhere_to_be_found",
        "import",
        [".plugin: ModuleNotFoundError", "nowhere"],
    ),
    "syntax error": ("def", "import", ["SyntaxError"]),
    "exit at import": ("import sys; sys.exit(3)", "import", ["SystemExit: 3"]),
    "message of several lines": ("raise RuntimeError('one\\n\\ntwo')", "import", ["RuntimeError: one two"]),
    "error that cannot be printed": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "import",
        [".plugin: E"],
    ),
    "misspelled hook": (
        f"{HEAD}@hookimpl\ndef snnplug_nuerons(): return []",
        "hooks",
        ["unknown hook 'snnplug_nuerons'", "Did you mean 'snnplug_neurons'?"],
    ),
    "hook of a newer core": (
        f"{HEAD}@hookimpl\ndef snnplug_simulators(): return []",
        "hooks",
        ["'snnplug_simulators' is unknown to snnplug 0.", "pip install -U snnplug"],
    ),
    "hook with an argument": (
        f"{HEAD}@hookimpl\ndef snnplug_neurons(x): return []",
        "hooks",
        ["Argument(s) {'x'}"],
    ),
    "hook without the marker": (
        f"{HEAD}def snnplug_neurons(): return []",
        "hooks",
        ["snnplug_neurons is not marked with @snnplug.hookimpl"],
    ),
    "hook that raises": (
        neurons("raise OSError('no such file')"),
        "hooks",
        ["snnplug_neurons: OSError: no such file"],
    ),
    "hook that raises half way": (neurons(f"yield {neuron()}; 1 / 0"), "hooks", ["ZeroDivisionError"]),
    "hook that exits": (neurons("raise SystemExit"), "hooks", ["snnplug_neurons: SystemExit"]),
    "hook wrapper": (
        neurons("return (yield)", "@hookimpl(wrapper=True)"),
        "hooks",
        ["must be plain", "no wrapper"],
    ),
    "old hook wrapper": (neurons("yield", "@hookimpl(hookwrapper=True)"), "hooks", ["must be plain"]),
    "tryfirst": (neurons("return []", "@hookimpl(tryfirst=True)"), "hooks", ["must be plain"]),
    "hook that returns nothing": (neurons("pass"), "hooks", ["iterable of NeuronSpec, got NoneType"]),
    "hook that returns one spec": (
        neurons(f"return {neuron()}"),
        "hooks",
        ["iterable of NeuronSpec, got NeuronSpec"],
    ),
    "bad name": (
        neurons(f"yield {neuron('Bad Neuron')}"),
        "register",
        ["NeuronSpec.name='Bad Neuron'", "snake_case"],
    ),
    "bad target": (
        neurons("yield NeuronSpec(name='bad', target='bad_plugin.neuron', summary='Bad.')"),
        "register",
        ["NeuronSpec.target='bad_plugin.neuron'", "package.module:Attribute"],
    ),
    "missing field": (
        neurons("yield NeuronSpec(name='bad')"),
        "hooks",
        ["TypeError", "'target' and 'summary'"],
    ),
    "wrong class": (
        neurons("yield dict(name='bad')"),
        "register",
        ["must return NeuronSpec objects, got dict"],
    ),
    "other kind": (
        neurons("yield EncoderSpec(name='bad', target='bad_plugin:Bad', summary='Bad.')"),
        "register",
        ["snnplug_neurons must return NeuronSpec objects, got EncoderSpec"],
    ),
    "kind of its own": (
        f"{HEAD}class Odd(NeuronSpec):\n    kind = 'odd'\n\n@hookimpl\ndef snnplug_neurons():\n"
        "    return [Odd(name='bad', target='bad_plugin:Bad', summary='Bad.')]",
        "register",
        ["must return NeuronSpec objects, got Odd"],
    ),
    "name twice": (
        neurons(f"return [{neuron()}, {neuron()}]"),
        "register",
        ["neuron 'bad' is offered twice"],
    ),
    "alias of another": (
        neurons(f"return [{neuron()}, {neuron('worse', MORE)}]"),
        "register",
        ["neuron 'bad' is offered twice"],
    ),
}


@pytest.fixture(scope="module")
def broken(distributions_in, tmp_path_factory):
    """What is found where all the broken plugins stand before and behind a good one."""
    folder = distributions_in(tmp_path_factory.mktemp("broken") / "site")
    folder.add("good-plugin", GOOD)
    for index, (source, _, _) in enumerate(BROKEN.values()):
        folder.add(_bad(index), source, version="0.3rc1")
    return folder.probe()


def _bad(index: int) -> str:
    return f"{'bad' if index % 2 else 'worse'}-plugin-{index}"


def test_broken_plugins_harm_no_other(broken):
    assert broken["names"] == ["good-plugin:good"]
    assert len(broken["problems"]) == len(broken["stderr"]) == len(BROKEN)


@pytest.mark.parametrize("case", BROKEN)
def test_broken_plugin_is_left_out(broken, case):
    _, phase, parts = BROKEN[case]
    name = _bad(list(BROKEN).index(case))
    [(_, version, where, error, details)] = [problem for problem in broken["problems"] if problem[0] == name]
    assert (version, where) == ("0.3rc1", phase)
    assert all(part in error for part in parts), error
    assert "\n" not in error
    assert details
    [line] = [line for line in broken["stderr"] if f" {name} " in line]
    assert line.startswith(f"snnplug: plugin {name} 0.3rc1 was left out ({phase}): {error}")
    assert line.endswith("snnplug list --errors")


def test_details_hold_the_traceback(distributions):
    distributions.add("bad-plugin", "import nowhere_to_be_found")
    [(*_, details)] = distributions.probe()["problems"]
    assert "Traceback (most recent call last)" in details
    assert "import nowhere_to_be_found" in details


def test_unknown_hook_marked_optional_is_passed_over(distributions):
    optional = "@hookimpl(optionalhook=True)\ndef snnplug_simulators(): return []\n"
    distributions.add("good-plugin", GOOD + optional)
    distributions.add("bad-plugin", HEAD + optional + "@hookimpl\ndef snnplug_neuron(): return []\n")
    found = distributions.probe()
    assert found["names"] == ["good-plugin:good"]
    [line] = found["stderr"]
    assert "unknown hook 'snnplug_neuron'" in line
    assert "snnplug_simulators" not in line


MARKER = "import os, pathlib; pathlib.Path(os.environ['MARKER']).touch()\n"


def test_unmet_requirement_is_found_before_import(distributions, tmp_path):
    requirements = ["snnplug>=9", "snnplug (<0.1)", "snnplug[all]>=9,<10", "Snnplug>=9"]
    marker = tmp_path / "imported"
    distributions.add("good-plugin", GOOD)
    for index, requirement in enumerate(requirements):
        distributions.add(f"bad-plugin-{index}", MARKER, requires=["torch>=2", requirement])
    found = distributions.probe(MARKER=str(marker))
    assert not marker.exists()
    assert found["names"] == ["good-plugin:good"]
    for index, (plugin, _, phase, error, _) in enumerate(sorted(found["problems"])):
        assert (plugin, phase) == (f"bad-plugin-{index}", "requires")
        assert "it needs snnplug" in error
        assert f"pip install -U snnplug {plugin}" in error
    assert len(found["problems"]) == len(found["stderr"]) == len(requirements)


def test_requirement_that_is_met_or_does_not_apply(distributions):
    requirements = [
        "snnplug",
        "snnplug>=0.1,<0.2",
        "snnplug-extras>=9",
        "snnplug>=9; extra == 'future'",
        "snnplug>=9; python_version < '3'",
    ]
    for index, requirement in enumerate(requirements):
        distributions.add(f"good-plugin-{index}", GOOD, requires=[requirement])
    found = distributions.probe()
    assert found["names"] == [f"good-plugin-{index}:good" for index in range(len(requirements))]
    assert found["problems"] == found["stderr"] == []


def test_pre_releases_count_as_versions(distributions):
    distributions.add("good-plugin", GOOD, version="2.0.dev1", requires=["snnplug>=0.1.0a1,<0.2"])
    found = distributions.probe("result['version'] = registry.find('neuron', 'good').version")
    assert found["version"] == "2.0.dev1"
    code = (
        "import snnplug.registry.discovery as d\n"
        "for version in ('0.1.5.dev1', '0.2.0rc1'):\n"
        "    d.__version__ = version\n"
        "    result[version] = [str(problem) for problem in d.discover()[1]]"
    )
    cores = distributions.probe(code)
    assert cores["0.1.5.dev1"] == []
    [line] = cores["0.2.0rc1"]
    assert "this is 0.2.0rc1; run: pip install -U snnplug good-plugin" in line


def test_malformed_requirement(distributions):
    distributions.add("good-plugin", GOOD)
    distributions.add("bad-plugin", GOOD, requires=["snnplug>=>=1"])
    found = distributions.probe()
    assert found["names"] == ["good-plugin:good"]
    assert found["problems"][0][2:4] == ["requires", "its requirement 'snnplug>=>=1' is not valid"]


def test_what_a_broken_uninstall_left(distributions):
    distributions.add("good-plugin", GOOD)
    info = distributions.add("bad-plugin", GOOD)
    (info / "METADATA").unlink()
    found = distributions.probe()
    assert found["names"] == ["good-plugin:good"]
    [(plugin, version, phase, error, _)] = found["problems"]
    assert (plugin, version, phase) == ("bad-plugin", "of unknown version", "metadata")
    assert "install it again" in error


def test_entry_point_that_is_no_module(distributions):
    distributions.add("good-plugin", GOOD)
    distributions.add("bad-plugin", GOOD, entry_points="[snnplug]\nit = bad_plugin.plugin:nothing\n")
    found = distributions.probe()
    assert found["names"] == ["good-plugin:good"]
    assert found["problems"][0][2] == "import"


def test_name_offered_by_two_plugins(distributions):
    distributions.add("good-plugin", GOOD)
    distributions.add("acme-neurons", GOOD.replace("good_plugin", "acme_neurons"))
    found = distributions.probe(
        "from snnplug.errors import AmbiguousName\n"
        "try:\n    registry.find('neuron', 'good')\n"
        "except AmbiguousName as error:\n    result['error'] = str(error)\n"
        "result['target'] = registry.find('neuron', 'acme-neurons:good').spec.target"
    )
    assert found["names"] == ["acme-neurons:good", "good-plugin:good"]
    assert found["stderr"] == []
    assert found["error"] == (
        "neuron 'good' is offered by several plugins; choose one of acme-neurons:good, good-plugin:good"
    )
    assert found["target"] == "acme_neurons.neuron:Good"


def test_same_plugin_twice_on_the_path(distributions, distributions_in, tmp_path):
    distributions.add("good-plugin", GOOD, version="1.0")
    second = distributions_in(tmp_path / "second")
    second.add("Good_Plugin", "raise RuntimeError('hidden by the first')", version="0.9")
    found = distributions.probe("result['version'] = registry.list()[0].version", path=[second.folder])
    assert found["names"] == ["good-plugin:good"]
    assert found["version"] == "1.0"
    assert found["stderr"] == []


def test_distribution_name_is_normalised(distributions):
    distributions.add("Good_Plugin", GOOD)
    assert distributions.probe()["names"] == ["good-plugin:good"]


def test_hundred_plugins(distributions):
    for index in range(100):
        name = f"plugin-{index:03}"
        distributions.add(name, GOOD.replace('"good"', f'"neuron_{index}"'))
    found = distributions.probe()
    assert len(found["names"]) == 100
    assert len({name.split(":")[1] for name in found["names"]}) == 100
    assert "torch" not in found["modules"]


@pytest.mark.parametrize(
    ("disable", "names"),
    [("bad-plugin", ["good-plugin:good"]), ("x, Bad_Plugin", ["good-plugin:good"]), ("*", [])],
)
def test_disabled_plugin_is_never_imported(distributions, tmp_path, disable, names):
    marker = tmp_path / "imported"
    distributions.add("good-plugin", GOOD)
    distributions.add("bad-plugin", MARKER)
    found = distributions.probe(SNNPLUG_DISABLE=disable, MARKER=str(marker))
    assert found["names"] == names
    assert not marker.exists()
    assert not any(module.startswith("bad_plugin") for module in found["modules"])
    assert found["stderr"] == []


def test_disabled_from_python(distributions):
    distributions.add("good-plugin", GOOD)
    found = distributions.probe(
        "result['left'] = [r.plugin for r in Registry.from_installed(disable=['Good.Plugin'])]"
    )
    assert found["left"] == ["snnplug"]  # the core's own


def test_strict_mode_raises(distributions):
    distributions.add("good-plugin", GOOD)
    distributions.add("bad-plugin", "import nowhere_to_be_found")
    code = "import snnplug; snnplug.Registry.from_installed()"
    done = distributions.run("-c", code, SNNPLUG_STRICT="1")
    assert done.returncode == 1
    assert "PluginError: plugin bad-plugin 1.0 was left out (import)" in done.stderr
    assert "direct cause" in done.stderr  # the plugin's own traceback is shown too
    assert distributions.run("-c", code, SNNPLUG_STRICT="0").returncode == 0


def test_keyboard_interrupt_passes(distributions):
    distributions.add("bad-plugin", "import signal; signal.raise_signal(signal.SIGINT)")
    done = distributions.run("-c", "import snnplug; snnplug.Registry.from_installed()")
    assert "KeyboardInterrupt" in done.stderr
    assert done.returncode != 0


def test_targets_are_not_imported(distributions):
    distributions.add("good-plugin", GOOD, files={"neuron.py": "raise RuntimeError('imported')"})
    found = distributions.probe()
    assert "good_plugin.plugin" in found["modules"]
    assert "good_plugin.neuron" not in found["modules"]
    assert "torch" not in found["modules"]


PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "good-plugin"
version = "1.2"
dependencies = ["snnplug>=0.1,<0.2"]
[project.entry-points.snnplug]
it = "good_plugin.plugin"
"""


def test_plugin_installed_by_pip(distributions, tmp_path):
    pytest.importorskip("hatchling")
    package = tmp_path / "source" / "good_plugin"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "plugin.py").write_text(GOOD)
    (tmp_path / "source" / "pyproject.toml").write_text(PYPROJECT)
    pip_install(tmp_path / "source", distributions.folder)
    found = distributions.probe("result['version'] = registry.find('neuron', 'good-plugin:good').version")
    assert found["names"] == ["good-plugin:good"]
    assert found["version"] == "1.2"
    assert found["stderr"] == []


def pip_install(source: Path, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*command, "--disable-pip-version-check", "--target", target, source], check=True, timeout=120
    )


def test_what_a_plugin_prints_is_no_result(distributions):
    files = {"neuron.py": "print('target')\n\n\ndef make():\n    return 1\n"}
    source = (
        "print('imported')\nfrom snnplug import NeuronSpec, hookimpl\n\n\n@hookimpl\ndef snnplug_neurons():\n"
        "    print('asked')\n"
        "    yield NeuronSpec(name='loud', target='acme_loud.neuron:make', summary='Loud.')\n"
    )
    distributions.add("acme-loud", source, files=files)
    for command in (["list", "--json"], ["show", "neuron", "loud", "--json"]):
        done = distributions.run("-m", "snnplug", *command)
        json.loads(done.stdout)
        assert "imported" in done.stderr
        assert "asked" in done.stderr
