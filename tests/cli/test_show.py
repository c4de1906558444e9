from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from snnplug import Component, NeuronSpec, Registration, Registry, ScorerSpec
from snnplug.cli import main


class Mine:
    """A neuron for tests.

    Args:
        tau: in time steps.
    """

    def __init__(
        self, task=None, *, tau: float = 2.0, steps: int, base: Component | None = None, more=object
    ):
        pass


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    specs = [
        NeuronSpec(
            name="mine",
            target=Mine,
            summary="Mine.",
            reference="Nobody 2026",
            aliases=["my_neuron"],
            components={"base": "neuron"},
            graded=True,
        ),
        NeuronSpec(name="absent", target="nowhere_to_be_found:Absent", summary="Absent."),
        ScorerSpec(name="plain", target="builtins:int", summary="Plain.", cost="model"),
    ]
    registry = Registry(Registration("acme-neurons", "1.2", spec) for spec in specs)
    monkeypatch.setattr(Registry, "from_installed", lambda *args, **kwargs: registry)


def invoke(*args, code=0):
    result = CliRunner().invoke(main, ["show", *args])
    assert result.exit_code == code, result.output
    return result


def test_text():
    lines = invoke("neuron", "my_neuron").stdout.splitlines()
    assert lines[:2] == ["neuron acme-neurons:mine 1.2", "Mine."]
    assert "contract:   A `snnplug.nn.SpikingNeuron`: current `[T, B, *]` to spikes `[T, B, *]`." in lines
    assert "reference:  Nobody 2026" in lines
    assert any(line.startswith("source:") and line.endswith("test_show.py") for line in lines)
    assert any(
        line.startswith("signature:  Mine(task=None, *, tau: float = 2.0, steps: int, ") for line in lines
    )
    assert "aliases:    my_neuron" in lines
    assert "graded:     True" in lines
    table = lines.index("parameter  type      default")
    assert lines[table + 1 : table + 4] == [
        "tau        float     2.0",
        "steps      int       required",
        "base       a neuron  None",
    ]
    assert lines[-3:] == ["", "Args:", "    tau: in time steps."]


def test_json():
    facts = json.loads(invoke("neuron", "acme-neurons:mine", "--json").stdout)
    assert facts["qualified"] == "acme-neurons:mine"
    assert facts["facts"] == {"windowed": False, "graded": True, "analog": False}
    assert facts["docstring"].startswith("A neuron for tests.")
    assert facts["parameters"][:3] == [
        {"name": "tau", "type": "float", "required": False, "default": 2.0},
        {"name": "steps", "type": "int", "required": True, "default": None},
        {"name": "base", "type": "a neuron", "required": False, "default": None},
    ]
    assert facts["parameters"][3]["default"] == "<class 'object'>"


def test_target_without_a_signature():
    result = invoke("scorer", "plain")
    assert "cost:       model" in result.stdout
    assert "no parameters" in result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("neuron", "mien"), "snnplug: unknown neuron 'mien'. Did you mean 'mine'? Installed: absent, mine"),
        (("neurone", "mine"), "snnplug: unknown kind 'neurone'. Did you mean 'neuron'?"),
        (
            ("neuron", "absent"),
            "snnplug: neuron acme-neurons:absent 1.2 cannot be loaded from nowhere_to_be_found:Absent: "
            "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        ),
    ],
)
def test_mistakes(args, message):
    result = invoke(*args, code=2)
    assert result.stderr.startswith(message)
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
