from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import attrs
import pytest
from annotated_types import Gt

from snnplug import Component, NeuronSpec, Registry
from snnplug.registry.parameters import Parameter, check_parameters, parameters_of, unnamed_parameters

if TYPE_CHECKING:
    from nowhere import Tensor

Mode = Literal["hard", "soft"]


def target(
    task,
    /,
    space=None,
    *,
    tau: float = 2.0,
    steps: int,
    mode: Mode = "hard",
    base: Component | None = None,
    weight: Tensor | None = None,
    free=None,
):
    return locals()


SUPPLIED = ("task", "space")


def test_parameters_are_what_nobody_supplies():
    known, open_ended = parameters_of(target, SUPPLIED)
    assert list(known) == ["tau", "steps", "mode", "base", "weight", "free"]
    assert not open_ended
    assert known["tau"] == Parameter("tau", float, 2.0)
    assert known["steps"].required
    assert known["mode"].annotation == Mode
    assert known["weight"].annotation is Any  # cannot be evaluated outside type checking
    assert known["free"].annotation is Any


def test_type_names():
    known, _ = parameters_of(target, SUPPLIED)
    assert [p.type_name for p in known.values()] == [
        "float",
        "int",
        "Literal['hard', 'soft']",
        "Component | None",
        "any",
        "any",
    ]


class Plain:
    def __init__(self, task, *, tau: float = 2.0, **more: int):
        self.tau = tau


class Inherits(Plain):
    pass


@attrs.define(kw_only=True)
class Record:
    tau: float = 2.0


@pytest.mark.parametrize(
    "thing", [Plain, Inherits, Record, functools.partial(Plain, None), functools.wraps(Plain)(lambda *a: 0)]
)
def test_classes_and_wrapped_functions(thing):
    known, _ = parameters_of(thing)
    assert known["tau"].annotation is float


def test_open_ended_and_unreadable_signatures():
    assert parameters_of(Plain)[1]
    assert check_parameters(Plain, {"anything": object}, "it", ["task"])[1] == []
    assert parameters_of(int) == ({}, True)


@pytest.mark.parametrize("supplied", [(), ("task",), ("task", "space", "more")])
def test_nothing_vanishes(supplied):
    """Each argument is supplied, or a parameter, or one that no recipe can name."""
    known, _ = parameters_of(target, supplied)
    arguments = [*supplied[:2], *unnamed_parameters(target, supplied), *known]
    assert arguments == ["task", "space", "tau", "steps", "mode", "base", "weight", "free"]


def test_positional_arguments_are_parameters_where_nobody_supplies_them():
    def thing(tau: Annotated[float, Gt(1)] = 2.0):
        return tau

    registry = Registry()
    registry.register(NeuronSpec(name="mine", target=thing, summary="Mine."))
    assert registry.neurons.mine(tau=3) == 3.0
    assert registry.use("neuron", "mine", tau=0.5).check() == ["mine.tau must be above 1, got 0.5"]


def test_ranges_are_read():
    def thing(*, tau: Annotated[float, Gt(1)] | None = None):
        return tau

    [tau] = parameters_of(thing)[0].values()
    assert tau.type_name == "float | None"
    assert tau.limits == {"gt": 1}
    assert check_parameters(thing, {"tau": "2"}, "it")[1] == ["it.tau: '2' is not a number"]
    assert check_parameters(thing, {"tau": 2}, "it") == ({"tau": 2.0}, [])


def check(annotation, value):
    def thing(*, x: annotation):
        pass

    thing.__annotations__["x"] = annotation
    values, problems = check_parameters(thing, {"x": value}, "neuron")
    assert len(problems) <= 1
    return problems[0] if problems else values["x"]


@pytest.mark.parametrize(
    ("annotation", "value", "result"),
    [
        (float, 3, 3.0),
        (float, 2.5, 2.5),
        (int, 3, 3),
        (bool, True, True),
        (str, "3", "3"),
        (float | None, None, None),
        (int | None, 3, 3),
        (tuple[int, int], [1, 2], (1, 2)),
        (tuple[float, ...], [1, 2], (1.0, 2.0)),
        (tuple[float, ...], [], ()),
        (list[str], ["a", "b"], ["a", "b"]),
        (list[list[int]], [[1], [2, 3]], [[1], [2, 3]]),
        (Sequence[int], [1], (1,)),
        (int | list[int], [1, 2], [1, 2]),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (Mode, "soft", "soft"),
        (Any, object, object),
        (Component, 3, 3),  # not a plain type: left to whoever uses it
    ],
)
def test_values_of_the_annotated_type_are_taken(annotation, value, result):
    taken = check(annotation, value)
    assert taken == result
    assert type(taken) is type(result)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (float, "3", "'3' is not a number"),
        (float, True, "True is not a number"),
        (float, float("nan"), "nan is not a number"),
        (float, None, "None is not a number"),
        (float, 10**400, "is not a number"),
        (int, 1.0, "1.0 is not a whole number"),
        (int, True, "True is not a whole number"),
        (int | None, 2.5, "2.5 is not a whole number"),
        (bool, 1, "1 is not true or false"),
        (bool, "true", "'true' is not true or false"),
        (str, 3, "3 is not a text"),
        (tuple[int, int], [1], "[1] is not a list of 2: a whole number, a whole number"),
        (tuple[int, ...], [1.5], "[1.5] is not a list of whole numbers"),
        (list[str], "ab", "'ab' is not a list of texts"),
        (tuple[str, ...], "ab", "'ab' is not a list of texts"),
        (list[str], {"a": 1}, "{'a': 1} is not a list of texts"),
        (list[list[str]], ["ab"], "['ab'] is not a list of lists of texts"),
        (int | list[int], "7", "'7' is not a whole number or a list of whole numbers"),
        (dict[str, float], [1], "[1] is not a table"),
        (list[bool], [1], "[1] is not a list of true or false"),
        (Mode, "weak", "'weak' is not one of 'hard', 'soft'"),
        (Mode, "Sofd", "'Sofd' is not one of 'hard', 'soft'. Did you mean 'soft'?"),
        (float, Component("neuron", "acme", "1", "my_neuron", target), "is not a number"),
    ],
)
def test_values_of_another_type_are_refused(annotation, value, message):
    said = check(annotation, value)
    assert isinstance(said, str)
    assert said.startswith("neuron.x: ")
    assert said.endswith(message)


def test_unknown_and_missing_parameters():
    _, problems = check_parameters(target, {"taw": 3.0}, "neuron", SUPPLIED)
    assert problems == [
        "neuron.taw: unknown parameter. Did you mean 'tau'? Parameters: tau, steps, mode, base, weight, free",
        "neuron.steps: missing; it has no default",
    ]
    assert check_parameters(lambda: None, {"x": 1}, "loss")[1] == [
        "loss.x: unknown parameter. Parameters: none"
    ]


def test_arguments_of_the_contract_are_not_the_users():
    _, problems = check_parameters(target, {"task": 1, "space": 2, "steps": 3}, "neuron", SUPPLIED)
    assert [problem.split(":")[0] for problem in problems] == ["neuron.task", "neuron.space"]


def test_a_component_is_not_taken_where_there_is_no_such_parameter():
    registry = Registry()
    registry.register(NeuronSpec(name="mine", target=lambda *, tau=1.0: tau, summary="Mine."))
    component = registry.use("neuron", "mine", nothing=registry.use("neuron", "mine"))
    assert component.check() == ["mine.nothing: unknown parameter. Parameters: tau"]
