"""The JSON Schema of recipes: it takes the built-in ones, refuses wrong ones, and says what is known."""

from __future__ import annotations

import json
import tomllib
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from annotated_types import Gt, Interval, MinLen
from click.testing import CliRunner

from snnplug import (
    ArchitectureSpec,
    Component,
    DatasetSpec,
    EncoderSpec,
    LossSpec,
    NeuronSpec,
    Registration,
    Registry,
    ScorerSpec,
)
from snnplug.cli import main
from snnplug.recipe.built_in import built_in_recipes, load_built_in
from snnplug.recipe.schema import recipe_schema


class Neuron:
    """A neuron.

    Args:
        tau: time constant in time steps.
    """

    def __init__(
        self,
        *,
        tau: Annotated[float, Gt(1)] = 2.0,
        reset: Literal["hard", "soft"] = "hard",
        share: Annotated[float, Interval(ge=0, lt=1)] | None = None,
        sizes: Annotated[tuple[int, ...], MinLen(1)] = (1,),
        pair: tuple[int, float] = (1, 2.0),
        free: Any = None,
    ) -> None: ...


def around(*, base: Component, bound: float = float("inf"), **more: Any) -> None: ...


def network(task: Any, *, neuron: Component, width: int) -> None: ...


def plain() -> None: ...


def registry() -> Registry:
    specs = [
        NeuronSpec(name="mine", target=Neuron, summary="Mine.", aliases=["my_neuron"]),
        NeuronSpec(name="around", target=around, summary="Around.", components={"base": "neuron"}),
        NeuronSpec(name="absent", target="nowhere_to_be_found:Absent", summary="Absent."),
        ArchitectureSpec(name="net", target=network, summary="Net.", components={"neuron": "neuron"}),
        DatasetSpec(name="data", target=plain, summary="Data."),
        EncoderSpec(name="code", target=plain, summary="Code."),
        LossSpec(name="loss", target=plain, summary="Loss."),
        ScorerSpec(name="counted", target=plain, summary="Counted."),
    ]
    twin = NeuronSpec(name="twin", target=Neuron, summary="Twin.")
    ours = [Registration("acme", "1", spec) for spec in (*specs, twin)]
    return Registry([*ours, Registration("other", "1", twin)])


SCHEMA, UNKNOWN = recipe_schema(registry())
BASE = """
[dataset]
use = "data"
[encoder]
use = "code"
[loss]
use = "loss"
[architecture]
use = "net"
width = 3
[train]
epochs = 2
"""


def mistakes(text: str, schema: dict[str, Any] = SCHEMA) -> list[str]:
    """Return the keys of a recipe at which something is wrong."""
    validator = jsonschema.Draft202012Validator(schema)
    found = validator.iter_errors(tomllib.loads(text))
    return sorted({".".join(map(str, error.absolute_path)) for error in found})


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    json.dumps(SCHEMA, allow_nan=False)
    [line] = UNKNOWN
    assert "acme:absent" in line


@pytest.mark.parametrize(
    "neuron",
    [
        'use = "mine"\ntau = 3.0',
        'use = "acme:mine"\ntau = 3',
        'use = "my_neuron"\nreset = "soft"\nshare = 0\nsizes = [1, 2]\npair = [1, 2.5]\nfree = {a = 1}',
        'use = "around"\nbase = "mine"\nanything = true',
        'use = "around"\nbase = {use = "around", base = {use = "mine", tau = 4}}',
        'use = "absent"\nwhatever = 1',
        'use = "other:twin"',
    ],
)
def test_right(neuron: str) -> None:
    assert mistakes(f"{BASE}\n[neuron]\n{neuron}\n") == []


@pytest.mark.parametrize(
    ("objectives", "wrong"),
    [
        ("{}", False),
        ('{ size = "min", depth = "max" }', False),
        ('{ size = { goal = "min", scale = 2 } }', False),
        ('{ size = { use = "counted", goal = "min", scale = 2 } }', False),
        ('{ size = { use = "count", goal = "min" } }', True),
        ('{ size = "least" }', True),
        ("{ size = { scale = 2 } }", True),
        ('{ size = { goal = "least" } }', True),
        ("{ size = 1 }", True),
    ],
)
def test_goals(objectives: str, wrong: bool) -> None:
    found = mistakes(f"{BASE}\n[search]\nobjectives = {objectives}\n")
    assert any(key.startswith("search.objectives") for key in found) == wrong


@pytest.mark.parametrize(
    "neuron",
    [
        'use = "nime"',
        'use = "twin"',
        'use = "mine"\ntau = 1.0',
        'use = "mine"\ntau = "2"',
        'use = "mine"\ntaw = 2.0',
        'use = "mine"\nreset = "weak"',
        'use = "mine"\nshare = 1',
        'use = "mine"\nsizes = []',
        'use = "mine"\npair = [1]',
        'use = "around"',
        'use = "around"\nbase = "nime"',
        'use = "around"\nbase = {use = "around", base = {use = "mine", tau = 0.5}}',
    ],
)
def test_wrong(neuron: str) -> None:
    assert mistakes(f"{BASE}\n[neuron]\n{neuron}\n") == ["neuron"]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (("epochs = 2", "epochs = 0"), "train.epochs"),
        (("epochs = 2", "epochs = 1.5"), "train.epochs"),
        (("epochs = 2", "epoch = 2"), "train"),
        (("epochs = 2", "milestones = [0.5, -2.0]"), "train.milestones.1"),
        (("epochs = 2", 'schedule = "cosin"'), "train.schedule"),
        (("[train]", "[trian]"), ""),
        (("width = 3", ""), "architecture"),
        (("[train]", "seed = 1\n[train]"), "architecture"),
    ],
)
def test_wrong_elsewhere(change: tuple[str, str], key: str) -> None:
    assert mistakes(BASE) == []
    assert mistakes(BASE.replace(*change)) == [key]


def test_what_it_says_of_a_parameter() -> None:
    [mine] = [one for one in SCHEMA["$defs"]["neuron"]["anyOf"] if one["description"] == "Mine."]
    assert mine["properties"]["use"]["enum"] == ["mine", "my_neuron", "acme:mine", "acme:my_neuron"]
    assert mine["properties"]["tau"] == {
        "description": "time constant in time steps.",
        "type": "number",
        "exclusiveMinimum": 1,
        "default": 2.0,
    }
    assert mine["required"] == ["use"]
    train = SCHEMA["properties"]["train"]["properties"]
    assert train["epochs"]["description"] == "passes over the training data."
    assert train["epochs"]["minimum"] == 1
    assert "from" in train
    assert "supernet" in SCHEMA["properties"]["search"]["properties"]
    assert SCHEMA["properties"]["search"]["properties"]["limits"]["properties"]["parameters"]


def test_the_built_in_recipes_are_right() -> None:
    pytest.importorskip("torch")
    installed = Registry.from_installed(quiet=True)
    if not len(installed):
        pytest.skip("no plugin is installed")
    schema, unknown = recipe_schema(installed)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert unknown == []
    validator = jsonschema.Draft202012Validator(schema)
    for name in built_in_recipes():
        errors = [error.message[:200] for error in validator.iter_errors(load_built_in(name))]
        assert not errors, (name, errors)


def test_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(Registry, "from_installed", lambda *args, **kwargs: registry())
    result = CliRunner().invoke(main, ["schema"])
    assert json.loads(result.stdout) == SCHEMA
    assert result.stderr.startswith("snnplug: note: neuron acme:absent 1 cannot be loaded")
    file = tmp_path / "recipe.schema.json"
    assert CliRunner().invoke(main, ["schema", "-o", str(file)]).stdout == f"{file}\n"
    assert json.loads(file.read_text()) == SCHEMA
    wrong = CliRunner().invoke(main, ["schema", "-o", str(tmp_path / "absent" / "x.json")])
    assert wrong.exit_code == 1
    assert wrong.stderr.splitlines()[-1].startswith("snnplug: ")
