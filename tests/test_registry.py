from __future__ import annotations

import pickle
from typing import Any

import attrs
import pytest

from snnplug import Component, EncoderSpec, NeuronSpec, Problem, Registration, Registry, Spec
from snnplug.errors import (
    AmbiguousName,
    DuplicateName,
    InvalidSpec,
    ParameterError,
    RecipeError,
    TargetError,
    UnknownName,
)


class Leaky:
    def __init__(self, *, tau: float = 2.0, mode: str = "hard"):
        if tau <= 1:
            raise ValueError(f"tau must be greater than 1 time step, got {tau}")
        self.tau, self.mode = tau, mode


class Wrapper:
    """A neuron around another."""

    def __init__(self, *, base: Component, gain: float = 1.0):
        self.base, self.gain = base.build(), gain


def encode(task, *, steps: int = 4):
    return task, steps


def spec(name: str, target: Any = Leaky, cls: type[Spec] = NeuronSpec, **more: Any) -> Spec:
    return cls(name=name, target=target, summary="For tests.", reference="Nobody 2026", **more)


@pytest.fixture
def registry():
    registry = Registry()
    registry.register(spec("leaky", aliases=["leaky_neuron"]), plugin="acme-neurons", version="1.2")
    registry.register(
        spec("wrapper", Wrapper, components={"base": "neuron"}), plugin="acme-neurons", version="1.2"
    )
    registry.register(spec("twin"), plugin="acme-neurons", version="1.2")
    registry.register(spec("twin"), plugin="other-neurons", version="0.1")
    registry.register(spec("plain", encode, EncoderSpec))
    return registry


# finding


@pytest.mark.parametrize(
    "name", ["leaky", "leaky_neuron", "acme-neurons:leaky", "acme-neurons:leaky_neuron", "Acme_Neurons:leaky"]
)
def test_find_by_bare_name_alias_and_qualified_name(registry, name):
    found = registry.find("neuron", name)
    assert found.qualified == "acme-neurons:leaky"
    assert (found.kind, found.name, found.plugin, found.version) == ("neuron", "leaky", "acme-neurons", "1.2")
    assert found.load() is Leaky


def test_bare_name_of_two_plugins(registry):
    with pytest.raises(AmbiguousName) as caught:
        registry.find("neuron", "twin")
    assert str(caught.value) == (
        "neuron 'twin' is offered by several plugins; choose one of acme-neurons:twin, other-neurons:twin"
    )
    assert registry.find("neuron", "other-neurons:twin").version == "0.1"
    assert registry.without("other-neurons").find("neuron", "twin").version == "1.2"


def test_alias_against_name_is_ambiguous_too(registry):
    registry.register(spec("leaky_neuron"), plugin="other-neurons")
    with pytest.raises(AmbiguousName, match=r"acme-neurons:leaky_neuron, other-neurons:leaky_neuron"):
        registry.find("neuron", "leaky_neuron")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("leeky", "unknown neuron 'leeky'. Did you mean 'leaky'? Installed: leaky, twin, wrapper"),
        ("LEAKY", "unknown neuron 'LEAKY'. Did you mean 'leaky'? Installed: leaky, twin, wrapper"),
        ("acme-neurons:leeky", "Did you mean 'leaky'?"),
        ("leaky_neurons", "Did you mean 'leaky_neuron'?"),
        ("qqq", "unknown neuron 'qqq'. Installed: leaky, twin, wrapper"),
        ("plain", "unknown neuron 'plain'. Installed"),
        ("", "unknown neuron ''. Installed"),
        ("acme-neurons:", "unknown neuron 'acme-neurons:'. Installed"),
    ],
)
def test_unknown_name(registry, name, message):
    with pytest.raises(UnknownName) as caught:
        registry.find("neuron", name)
    assert message in str(caught.value)


def test_unknown_kind(registry):
    with pytest.raises(
        UnknownName, match=r"unknown kind 'nuerons'. Did you mean 'neuron'\? Kinds: neuron, enc"
    ):
        registry.find("nuerons", "leaky")
    assert registry.find("neurons", "leaky") is registry.find("neuron", "leaky")
    with pytest.raises(UnknownName, match=r"unknown kind 'x'"):
        registry.list("x")


def test_unknown_name_tells_of_plugins_that_were_left_out():
    problems = [Problem("acme-neurons", "1.2", "import", "ImportError: no"), Problem("b", "1", "hooks", "x")]
    registry = Registry(problems=problems)
    with pytest.raises(
        UnknownName, match=r"Installed: none. 2 plugins failed to load; run: snnplug list --errors"
    ):
        registry.find("neuron", "leaky")
    with pytest.raises(
        UnknownName, match=r"none. plugin acme-neurons 1.2 was left out \(import\): ImportError: no"
    ):
        registry.find("neuron", "Acme.Neurons:leaky")


# the collection


def test_listing_is_sorted_whatever_the_order(registry):
    expected = [
        "acme-neurons:leaky",
        "acme-neurons:twin",
        "other-neurons:twin",
        "acme-neurons:wrapper",
        "local:plain",
    ]
    assert [r.qualified for r in registry] == expected
    assert [r.qualified for r in Registry(reversed(registry.list()))] == expected
    assert [r.name for r in registry.list("encoder")] == ["plain"]
    assert len(registry) == 5
    assert repr(registry) == "<Registry: 4 neurons, 1 encoders>"
    assert repr(Registry()) == "<Registry: empty>"


@pytest.mark.parametrize("name", ["leaky", "leaky_neuron"])
def test_one_plugin_offers_a_name_once(registry, name):
    with pytest.raises(DuplicateName, match=f"acme-neurons offers the neuron '{name}' already"):
        registry.register(spec(name), plugin="acme-neurons")
    assert len(registry) == 5
    registry.register(spec(name, encode, EncoderSpec), plugin="acme-neurons")  # another kind may


def test_what_is_no_spec_is_refused(registry):
    for wrong in (Leaky, Spec(name="a", target=Leaky, summary="A.")):
        with pytest.raises(InvalidSpec, match=r"is not a spec; use one of NeuronSpec, EncoderSpec, "):
            registry.register(wrong)

    class Odd(NeuronSpec):
        kind = "encoder"

    with pytest.raises(InvalidSpec):
        registry.register(spec("odd", cls=Odd))


def test_registries_are_values(registry):
    rest = registry.without("Acme_Neurons")
    assert [r.qualified for r in rest] == ["other-neurons:twin", "local:plain"]
    assert len(registry) == 5
    other = Registry([Registration("new", "1", spec("leaky"))], [Problem("p", "1", "import", "x")])
    both = rest.merged(other)
    assert [r.qualified for r in both] == ["new:leaky", "other-neurons:twin", "local:plain"]
    assert both.problems == other.problems
    with pytest.raises(DuplicateName):
        both.merged(rest)


# using


def test_a_component_imports_nothing_until_it_is_built(registry):
    registry.register(spec("absent", "nowhere_to_be_found.neuron:Absent"))
    component = registry.use("neuron", "absent", tau=3.0)
    assert (component.qualified, component.version) == ("local:absent", "")
    assert component.reference == "Nobody 2026"
    with pytest.raises(TargetError, match=r"^neuron local:absent cannot be loaded from nowhere_to_be_found"):
        component.build()


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("nowhere_to_be_found:X", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("collections:Nothing", "AttributeError: module 'collections' has no attribute 'Nothing'"),
        ("collections:OrderedDict.nothing", "AttributeError"),
        ("math:pi", "float is not callable"),
    ],
)
def test_targets_that_cannot_be_loaded(registry, target, reason):
    registration = registry.register(spec("absent", target), version="3")
    with pytest.raises(TargetError) as caught:
        registration.load()
    assert str(caught.value).startswith(f"neuron local:absent 3 cannot be loaded from {target}: {reason}")
    assert (
        registry.use("neuron", "absent").check("neuron")[0].startswith("neuron: neuron local:absent 3 cannot")
    )


def test_create_passes_what_the_contract_supplies(registry):
    assert registry.create("encoder", "plain", "task") == ("task", 4)
    assert registry.create("encoder", "plain", "task", steps=2) == ("task", 2)
    assert registry.create("neuron", "leaky", tau=3).tau == 3.0
    assert registry.use("encoder", "plain", steps=2).build("task", steps=7) == ("task", 7)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tau": "3"}, "leaky.tau: '3' is not a number"),
        ({"taw": 3.0}, "leaky.taw: unknown parameter. Did you mean 'tau'? Parameters: tau, mode"),
        ({"tau": 0.5}, "neuron 'leaky': tau must be greater than 1 time step, got 0.5"),
        ({"tau": "3", "mode": 1}, "leaky.tau: '3' is not a number\nleaky.mode: 1 is not a text"),
    ],
)
def test_wrong_parameters(registry, parameters, message):
    with pytest.raises(ParameterError) as caught:
        registry.create("neuron", "leaky", **parameters)
    assert str(caught.value) == message


@pytest.mark.parametrize("base", ["leaky", {"use": "leaky"}, {"use": "acme-neurons:leaky", "tau": 2.0}])
def test_nested_components(registry, base):
    component = registry.use("neuron", "wrapper", base=base, gain=2)
    assert [c.name for c in component.walk()] == ["wrapper", "leaky"]
    assert component.check() == []
    built = component.build()
    assert (built.base.tau, built.gain) == (2.0, 2.0)
    assert component.build().base is not built.base


def test_nested_mistakes_are_named_by_their_key(registry):
    component = registry.use("neuron", "wrapper", base={"use": "leaky", "tau": "x"}, gain="y")
    assert component.check("neuron") == [
        "neuron.gain: 'y' is not a number",
        "neuron.base.tau: 'x' is not a number",
    ]
    assert registry.use("neuron", "wrapper").check("neuron") == ["neuron.base: missing; it has no default"]
    with pytest.raises(UnknownName, match=r"^base.use: unknown neuron 'leeky'. Did you mean 'leaky'"):
        registry.use("neuron", "wrapper", base="leeky")
    table = {"use": "wrapper", "base": {"use": "wrapper", "base": "twin"}}
    with pytest.raises(
        AmbiguousName, match=r"^search.space.neuron.base.base.use: neuron 'twin' is offered by several"
    ):
        registry.component("neuron", table, "search.space.neuron")
    with pytest.raises(UnknownName, match=r"^neuron.use: unknown neuron 'x'"):
        registry.component("neuron", {"use": "x"}, "neuron")
    with pytest.raises(RecipeError, match=r"base.use: it is missing"):
        registry.use("neuron", "wrapper", base={"tau": 2.0})


@pytest.mark.parametrize("base", [3, ["leaky"], True])
def test_what_is_no_component(registry, base):
    with pytest.raises(ParameterError, match=r"base: .* is not a neuron; give its name or a table"):
        registry.use("neuron", "wrapper", base=base)


def test_a_component_of_another_kind(registry):
    encoder = registry.use("encoder", "plain")
    with pytest.raises(ParameterError, match=r"base: the encoder 'plain' is not a neuron"):
        registry.use("neuron", "wrapper", base=encoder)
    assert registry.use("neuron", "leaky", tau=encoder).check()[0].endswith("is not a number")


def test_tables(registry):
    table = {"use": "leaky", "tau": 3.0}
    component = registry.component("neuron", table)
    assert component.to_dict() == {"use": "acme-neurons:leaky", "tau": 3.0}
    assert registry.component("neuron", component.to_dict()) == component
    assert table == {"use": "leaky", "tau": 3.0}
    nested = registry.use("neuron", "wrapper", base="leaky")
    assert nested.to_dict() == {"use": "acme-neurons:wrapper", "base": {"use": "acme-neurons:leaky"}}
    assert registry.component("neuron", nested.to_dict()) == nested
    for wrong, said in (({}, "neuron.use: it is missing"), ({"use": 3}, "neuron.use: 3 is not a name")):
        with pytest.raises(RecipeError, match=said):
            registry.component("neuron", wrong)


def test_with_parameters_leaves_the_first_as_it_was(registry):
    one = registry.use("neuron", "leaky", tau=3.0)
    two = one.with_parameters(tau=4.0, mode="soft")
    assert one.parameters == {"tau": 3.0}
    assert two.parameters == {"tau": 4.0, "mode": "soft"}
    assert attrs.evolve(two, parameters={"tau": 3.0}) == one
    assert len({one, two}) == 2


def test_components_go_to_other_processes():
    registry = Registry()
    registry.register(spec("ordered", "collections:OrderedDict"))
    component = registry.use("neuron", "ordered")
    assert pickle.loads(pickle.dumps(component)) == component
    assert pickle.loads(pickle.dumps(component)).build() == {}


def test_a_spec_or_parameter_named_like_an_argument(registry):
    """`kind` and `name` are positional-only in `use`, so that a target may have them as parameters."""

    def named(*, kind: str = "", name: str = ""):
        return kind, name

    registry.register(spec("named", named))
    assert registry.create("neuron", "named", kind="a", name="b") == ("a", "b")
