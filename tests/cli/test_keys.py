from __future__ import annotations

import pytest

from snnplug import LossSpec, NeuronSpec, Registration, Registry, StrategySpec
from snnplug.cli.keys import candidates, recipe_data

SOURCE = """
from typing import Literal
class Plain:
    def __init__(self, *, tau: float, threshold=1.0, reset: Literal["hard", "soft"] = "hard", on: bool=1): ...
class Around:
    def __init__(self, *, base=None, tau_start: float = 1.0): ...
def climb(space, seed, *, draws: int = 4): ...
"""


@pytest.fixture
def registry(tmp_path, monkeypatch) -> Registry:
    name = f"keys_{tmp_path.name.replace('-', '_')}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "things.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)

    def spec(kind, thing, target, **more):
        return kind(name=thing, target=f"{name}.things:{target}", summary="For tests.", **more)

    around = spec(NeuronSpec, "around", "Around", components={"base": "neuron"})
    specs = [spec(NeuronSpec, "plain", "Plain"), around, spec(StrategySpec, "climb", "climb")]
    twins = [Registration("other-neurons", "1", spec(LossSpec, "twin", "Plain"))]
    twins += [Registration("acme-neurons", "1", spec(LossSpec, "twin", "Plain"))]
    return Registry([*(Registration("acme-neurons", "1", one) for one in specs), *twins])


@pytest.mark.parametrize(
    ("text", "before", "found"),
    [
        ("neuron.t", ["neuron.use=plain"], ["neuron.tau=", "neuron.threshold="]),
        ("neuron.", ["neuron=around"], ["neuron.use=", "neuron.base.", "neuron.tau_start="]),
        ("neuron.base.", ["neuron.use=around"], ["neuron.base.use="]),
        (
            "neuron.base.t",
            ["neuron.use=around", "neuron.base=plain"],
            ["neuron.base.tau=", "neuron.base.threshold="],
        ),
        ("neuron.use=p", [], ["neuron.use=plain"]),
        ("neuron.use=", [], ["neuron.use=around", "neuron.use=plain"]),
        ("neuron.use=acme-neurons:p", [], ["neuron.use=acme-neurons:plain"]),
        ("loss.use=", [], ["loss.use=acme-neurons:twin", "loss.use=other-neurons:twin"]),
        ("neuron.base=", ["neuron.use=around"], ["neuron.base=around", "neuron.base=plain"]),
        ("neuron.reset=", ["neuron.use=plain"], ["neuron.reset=hard", "neuron.reset=soft"]),
        ("neuron.on=", ["neuron.use=plain"], ["neuron.on=true", "neuron.on=false"]),
        ("neuron.tau=", ["neuron.use=plain"], []),
        ("neuron.use=absent", [], []),
        ("neuron.", ["neuron.use=absent"], ["neuron.use="]),
        ("search.strategy.d", ["search.strategy.use=climb"], ["search.strategy.draws="]),
        ("search.strategy.seed", ["search.strategy.use=climb"], []),
        ("se", [], ["seed=", "search."]),
        ("train.prec", [], ["train.precision="]),
        ("train.schedule=c", [], ["train.schedule=constant", "train.schedule=cosine"]),
        ("search.supernet.f", [], ["search.supernet.final_lr=", "search.supernet.from="]),
        ("search.limits.p", [], ["search.limits.parameters="]),
        ("nothing.at.all", [], []),
        ("neuron.tau.x.y", ["neuron.use=plain"], []),
        ("", ["neuron"], None),
        ("neuron.use.x=1", [], []),
    ],
)
def test_candidates(registry, text, before, found):
    got = [candidate.text for candidate in candidates(text, recipe_data(None, before), registry)]
    if found is not None:
        assert got == found
    assert all(one.startswith(text) for one in got)


def test_a_key_goes_on_and_a_value_ends(registry):
    assert not candidates("neuron.us", recipe_data(None, []), registry)[0].ends
    assert candidates("neuron.use=p", recipe_data(None, []), registry)[0].ends


def test_the_recipe_says_which_thing_stands_there(registry, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[neuron]\nuse = "around"\nbase = "plain"\n')
    data = recipe_data(str(recipe), [])
    assert [c.text for c in candidates("neuron.base.ta", data, registry)] == ["neuron.base.tau="]
    assert data["train"]["epochs"]  # what it does not say is the default's
    recipe.write_text("[neuron")
    assert recipe_data(str(recipe), []) == recipe_data(None, [])
    assert recipe_data(str(tmp_path), []) == recipe_data(None, [])
