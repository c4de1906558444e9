from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from snnplug import NeuronSpec, Problem, Registration, Registry
from snnplug.cli import main
from snnplug.cli.main import COMMANDS
from snnplug.version import __version__

PROBLEM = Problem("bad-plugin", "0.3", "import", "ImportError: no", "Traceback ...\nImportError: no\n")


@pytest.fixture
def installed(monkeypatch):
    """A registry of two neurons of one plugin, and one plugin that was left out."""

    def install(*specs, problems=(PROBLEM,)):
        registry = Registry([Registration("acme-neurons", "1.2", spec) for spec in specs], problems)
        monkeypatch.setattr(Registry, "from_installed", lambda *args, **kwargs: registry)

    install(
        NeuronSpec(name="second", target="acme_neurons.neuron:Second", summary="The second."),
        NeuronSpec(
            name="first", target="acme_neurons.neuron:First", summary="The first.", reference="A 2026"
        ),
    )
    return install


def invoke(*args, code=0):
    result = CliRunner().invoke(main, args)
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_table(installed):
    result = invoke("list")
    assert result.stdout.splitlines() == [
        "kind    name    plugin        version  summary",
        "neuron  first   acme-neurons  1.2      The first.",
        "neuron  second  acme-neurons  1.2      The second.",
    ]
    assert result.stderr == (
        "snnplug: plugin bad-plugin 0.3 was left out (import): ImportError: no; "
        "run: pip install -U bad-plugin; details: snnplug list --errors\n"
    )


def test_errors_option_adds_the_traceback(installed):
    result = invoke("list", "--errors")
    assert "Traceback ...\nImportError: no" in result.stdout
    assert result.stdout.count("ImportError: no") == 2
    assert len(result.stderr.splitlines()) == 1


def test_json(installed):
    result = invoke("list", "--json", "--errors")
    data = json.loads(result.stdout)
    assert data["registrations"][0] == {
        "kind": "neuron",
        "name": "first",
        "qualified": "acme-neurons:first",
        "plugin": "acme-neurons",
        "version": "1.2",
        "summary": "The first.",
        "reference": "A 2026",
        "aliases": [],
        "target": "acme_neurons.neuron:First",
    }
    assert len(data["registrations"]) == 2
    [problem] = data["problems"]
    assert (problem["plugin"], problem["version"], problem["phase"]) == ("bad-plugin", "0.3", "import")
    assert problem["error"] == "ImportError: no"
    assert problem["details"].startswith("Traceback")
    assert problem["run"] == "pip install -U bad-plugin"


def test_kind(installed):
    assert len(invoke("list", "--kind", "neuron").stdout.splitlines()) == 3
    assert invoke("list", "--kind", "encoder").stdout == "no encoder is installed\n"
    assert json.loads(invoke("list", "--kind", "encoder", "--json").stdout)["registrations"] == []
    for kind in ("neurons", "energy-models", "search_spaces"):
        assert invoke("list", "--kind", kind).exit_code == 0
    assert invoke("list", "--kind", "neurons").stdout == invoke("list", "--kind", "neuron").stdout
    result = invoke("list", "--kind", "nueron", code=2)
    assert result.stderr.startswith("snnplug: unknown kind 'nueron'. Did you mean 'neuron'? Kinds: neuron, ")
    assert result.stdout == ""


def test_nothing_installed(installed, monkeypatch):
    monkeypatch.delenv("SNNPLUG_DISABLE", raising=False)
    installed(problems=())
    for kind in ((), ("--kind", "neuron")):
        assert invoke("list", *kind).stdout == (
            "no plugin is installed; in a checkout of snnplug run: pip install -r plugins/requirements.txt, "
            "or install one that somebody offers\n"
        )
    monkeypatch.setenv("SNNPLUG_DISABLE", "*")
    assert invoke("list").stdout.startswith("no plugin is on: SNNPLUG_DISABLE=* ")


def test_what_the_core_has_of_its_own_is_no_plugin(monkeypatch):
    monkeypatch.setenv("SNNPLUG_DISABLE", "*")
    assert invoke("list").stdout.startswith("no plugin is on: SNNPLUG_DISABLE=* ")
    assert len(Registry.from_installed()) == 1


def test_table_on_a_terminal(installed, monkeypatch, capsys):
    from snnplug.cli.table import print_table

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    print_table(("name", "summary"), [("[bold]", "As it is.")])
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert [line.split() for line in shown.splitlines()] == [
        ["name", "summary"],
        ["[bold]", "As", "it", "is."],
    ]


OWN = ["what", "is", "used", "where", "no", "executor", "is", "named."]


def test_real_plugins_in_a_process_of_its_own(distributions):
    plugin = (
        "from snnplug import NeuronSpec, hookimpl\n"
        "@hookimpl\n"
        "def snnplug_neurons():\n"
        "    return [NeuronSpec(name='good', target='good_plugin.neuron:Good', summary='Good.')]\n"
    )
    distributions.add("good-plugin", plugin, files={"neuron.py": "raise RuntimeError('imported')"})
    distributions.add("bad-plugin", "import nowhere_to_be_found")
    code = (
        "import sys\nfrom snnplug.cli import main\n"
        "main(['list'], standalone_mode=False)\n"
        "heavy = ('torch', 'numpy', 'rich', 'cattrs', 'good_plugin.neuron')\n"
        "print('imported:', *(m for m in heavy if m in sys.modules))\n"
    )
    done = distributions.run("-c", code)
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["neuron", "good", "good-plugin", "1.0", "Good."],
        ["executor", "processes", "snnplug", __version__, *["Processes", "of", "this", "machine;"], *OWN],
        [],
        ["plugin", "version", "things", "source"],
        ["good-plugin", "1.0", "1", "package", "index"],
        ["imported:"],
    ]
    assert len(done.stderr.splitlines()) == 1
    assert "bad-plugin 1.0" in done.stderr
    strict = distributions.run("-m", "snnplug", "list", SNNPLUG_STRICT="1")
    assert strict.returncode == 1
    assert strict.stderr.startswith("snnplug: plugin bad-plugin 1.0 was left out (import)")
    assert "Traceback" not in strict.stderr


# the group


def test_help_names_every_command_and_imports_none(distributions):
    code = (
        "import sys\nfrom snnplug.cli import main\n"
        "try:\n    main(['--help'])\n"
        "finally:\n    print([m for m in sys.modules if m.endswith('_command')], 'torch' in sys.modules)\n"
    )
    done = distributions.run("-c", code)
    assert done.returncode == 0, done.stderr
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert done.stdout.splitlines()[-1] == "[] False"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    pytest.importorskip("torch")
    assert invoke(name, "--help").stdout.startswith(f"Usage: main {name}")


def test_version():
    assert invoke("--version").stdout == f"{__version__}\n"


def test_unknown_command():
    assert "unknown command 'lits'. Did you mean 'list'? Commands: run, " in invoke("lits", code=2).stderr


def test_interrupt(installed, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Registry, "from_installed", interrupt)
    assert invoke("list", code=130).stderr == "snnplug: interrupted\n"
