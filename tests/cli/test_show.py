from __future__ import annotations

import json
import re
from typing import Annotated

import pytest
from annotated_types import Gt
from click.testing import CliRunner

from snnplug import Component, LossSpec, NeuronSpec, Registration, Registry, ScorerSpec, StrategySpec
from snnplug.cli import main


class Mine:
    """A neuron for tests.

    Args:
        tau: in time steps.
    """

    def __init__(
        self, *, tau: Annotated[float, Gt(1)] = 2.0, steps: int, base: Component | None = None, more=object
    ):
        pass


def unnamed(rate, /):
    return rate


def positional(rate: float):
    return rate


def climb(space, seed, draws: int = 4):
    return space


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
        LossSpec(name="unnamed", target=unnamed, summary="Unnamed."),
        LossSpec(name="positional", target=positional, summary="Positional."),
        StrategySpec(name="climb", target=climb, summary="Climbs."),
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
    assert any(re.fullmatch(r"code: .*test_show\.py:\d+", line) for line in lines)
    assert any(line.startswith("signature:  Mine(*, tau: float = 2.0, steps: int, ") for line in lines)
    assert "aliases:    my_neuron" in lines
    assert "graded:     True" in lines
    words = [line.split() for line in lines]
    table = words.index(["parameter", "type", "default", "range"])
    assert words[table + 1 : table + 4] == [
        ["tau", "float", "2.0", "above", "1"],
        ["steps", "int", "required"],
        ["base", "a", "neuron", "None"],
    ]
    assert lines[-3:] == ["", "Args:", "    tau: in time steps."]


def test_json():
    facts = json.loads(invoke("neuron", "acme-neurons:mine", "--json").stdout)
    assert facts["qualified"] == "acme-neurons:mine"
    assert facts["facts"] == {"windowed": False, "graded": True, "analog": False}
    assert facts["docstring"].startswith("A neuron for tests.")
    assert facts["parameters"][:3] == [
        {"name": "tau", "type": "float", "required": False, "default": 2.0, "range": {"gt": 1}},
        {"name": "steps", "type": "int", "required": True, "default": None, "range": {}},
        {"name": "base", "type": "a neuron", "required": False, "default": None, "range": {}},
    ]
    assert facts["parameters"][3]["default"] == "<class 'object'>"


def test_target_without_a_signature():
    result = invoke("scorer", "plain")
    assert "cost:       model" in result.stdout
    assert "no parameters" not in result.stdout
    assert "it takes other parameters too, which its signature does not name" in result.stdout


def test_what_cannot_be_set_is_said():
    result = invoke("loss", "unnamed")
    assert "cannot be set in a recipe, for they have no name: rate" in result.stdout
    assert json.loads(invoke("loss", "unnamed", "--json").stdout)["cannot_be_set"] == ["rate"]
    assert "rate       float  required" in invoke("loss", "positional").stdout


def test_arguments_that_the_builder_supplies_are_no_parameters():
    facts = json.loads(invoke("strategies", "climb", "--json").stdout)
    assert facts["supplied"] == ["space", "seed"]
    assert [parameter["name"] for parameter in facts["parameters"]] == ["draws"]


def test_an_installed_thing_says_where_it_is_from(distributions):
    plugin = (
        "from snnplug import LossSpec, hookimpl\n\n\n@hookimpl\ndef snnplug_losses():\n"
        "    yield LossSpec(name='fine', target='acme_plugin.loss:make', summary='Fine.')\n"
    )
    info = distributions.add("acme-plugin", plugin, files={"loss.py": "\n\ndef make():\n    return 1\n"})
    with (info / "METADATA").open("a") as file:
        file.write("License-Expression: MIT\n")
    (info / "direct_url.json").write_text('{"url": "file:///wheels/a%20b.whl", "archive_info": {}}')
    lines = distributions.run("-m", "snnplug", "show", "loss", "fine").stdout.splitlines()
    assert "installed:  file /wheels/a b.whl" in lines
    assert "licence:    MIT" in lines
    assert f"code:       {distributions.folder}/acme_plugin/loss.py:3" in lines
    assert "no parameters" in lines
    listed = distributions.run("-m", "snnplug", "list").stdout.splitlines()
    assert listed[-2:] == [
        "plugin       version  things  source",
        "acme-plugin  1.0      1       file /wheels/a b.whl",
    ]


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
