from __future__ import annotations

import attrs
import pytest

from snnplug import KINDS, EncoderSpec, EnergyModelSpec, NeuronSpec, ScorerSpec
from snnplug.errors import InvalidSpec
from snnplug.registry import hookspecs


def spec(cls=NeuronSpec, **fields):
    return cls(**{"name": "my_neuron", "target": "acme.neuron:Mine", "summary": "Mine.", **fields})


def test_a_spec_is_frozen_keyword_only_data():
    one = spec()
    assert one == spec()
    assert len({one, spec(), spec(name="other"), spec(components={"base": "neuron"})}) == 3
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.name = "other"
    with pytest.raises(TypeError):
        NeuronSpec("my_neuron", "acme.neuron:Mine", "Mine.")


@pytest.mark.parametrize("name", ["a", "lif2", "if_2", "tet_s", "horowitz_45nm"])
def test_good_names(name):
    assert spec(name=name, aliases=[f"{name}_too"]).name == name


@pytest.mark.parametrize(
    "name", ["", "LIF", "my-neuron", "my neuron", "2lif", "_lif", "lif_", "a__b", "a.b", "é", None, 3]
)
def test_bad_names(name):
    with pytest.raises(InvalidSpec, match=r"NeuronSpec\.name=.* is not a lower_snake_case name such as"):
        spec(name=name)
    with pytest.raises(InvalidSpec, match=r"NeuronSpec\.aliases="):
        spec(aliases=(name,))


@pytest.mark.parametrize("aliases", ["abc", None, 3, ("my_neuron",), ("a", "a")])
def test_bad_aliases(aliases):
    with pytest.raises(InvalidSpec, match=r"NeuronSpec\.aliases="):
        spec(aliases=aliases)


@pytest.mark.parametrize("target", ["acme:Mine", "acme.neuron:Outer.Mine", "a_b.c1:_d", dict, lambda: 3])
def test_good_targets(target):
    assert spec(target=target).target is target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "acme",
        "acme.neuron.Mine",
        "acme:",
        ":Mine",
        "a..b:C",
        ".a:B",
        "a.:B",
        "a:B:C",
        "1a:B",
        "a b:C",
        3,
        None,
    ],
)
def test_bad_targets(target):
    with pytest.raises(InvalidSpec, match=r"NeuronSpec\.target="):
        spec(target=target)


@pytest.mark.parametrize("summary", ["", "  ", "two\nlines", None])
def test_bad_summaries(summary):
    with pytest.raises(InvalidSpec, match=r"NeuronSpec\.summary="):
        spec(summary=summary)


@pytest.mark.parametrize(
    "components", [{"base": "nerve"}, {"base": ["neuron"]}, {"base": None}, "neuron", None]
)
def test_bad_components(components):
    with pytest.raises(InvalidSpec, match=r"NeuronSpec\.components="):
        spec(components=components)


def test_unknown_component_kind_lists_the_kinds():
    with pytest.raises(InvalidSpec, match=r"unknown kind 'nerve' for 'base'; kinds: neuron, encoder, "):
        spec(components={"base": "nerve"})


@pytest.mark.parametrize(
    ("cls", "flag"),
    [
        (NeuronSpec, "windowed"),
        (NeuronSpec, "graded"),
        (EncoderSpec, "stochastic"),
        (ScorerSpec, "higher_is_better"),
    ],
)
@pytest.mark.parametrize("value", ["False", 1, None])
def test_flags_are_truth_values(cls, flag, value):
    assert getattr(spec(cls, **{flag: True}), flag) is True
    with pytest.raises(InvalidSpec, match=rf"{flag}=.* is neither True nor False"):
        spec(cls, **{flag: value})


def test_facts_of_a_scorer():
    assert spec(ScorerSpec).cost == "forward"
    with pytest.raises(
        InvalidSpec, match=r"ScorerSpec.cost='free' is not one of model, forward, gradient, training"
    ):
        spec(ScorerSpec, cost="free")


def test_unit_of_an_energy_model():
    assert spec(EnergyModelSpec).unit == "J"
    with pytest.raises(InvalidSpec, match=r"EnergyModelSpec\.unit="):
        spec(EnergyModelSpec, unit=None)


def test_table_of_kinds():
    assert list(KINDS) == [
        "neuron",
        "encoder",
        "dataset",
        "architecture",
        "search_space",
        "scorer",
        "strategy",
        "loss",
        "energy_model",
        "benchmark",
        "executor",
        "tracker",
        "callback",
        "chip",
        "exporter",
    ]
    assert KINDS["search_space"].hook == "snnplug_search_spaces"
    for name, kind in KINDS.items():
        assert kind.name == kind.spec.kind == name
        assert kind.spec.__name__ == name.title().replace("_", "") + "Spec"
        assert kind.contract.endswith((".", ":"))
        assert spec(kind.spec).kind == name


def test_every_kind_has_a_documented_hook_and_every_hook_a_kind():
    hooks = {name for name in vars(hookspecs) if name.startswith("snnplug_")}
    assert hooks == {kind.hook for kind in KINDS.values()}
    for kind in KINDS.values():
        hook = getattr(hookspecs, kind.hook)
        assert hook.__doc__
        assert hook.__annotations__["return"] == f"Iterable[{kind.spec.__name__}]"
