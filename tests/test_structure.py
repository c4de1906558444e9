from __future__ import annotations

import attrs
import pytest

from snnplug.registry.structure import converter, explain


@attrs.frozen(kw_only=True)
class Inner:
    rate: float = 0.1
    widths: list[int] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class Outer:
    name: str
    inner: Inner = attrs.field(factory=Inner)
    models: list[str | dict[str, int]] = attrs.field(factory=list)
    milestones: tuple[float, ...] = (0.5,)
    epochs: int = attrs.field(default=1, validator=attrs.validators.ge(1))


def mistakes(data, key=""):
    with pytest.raises(Exception) as caught:  # noqa: PT011  cattrs raises groups of many types
        converter().structure(data, Outer)
    return explain(caught.value, key)


def test_plain_data_becomes_records():
    data = {"name": "a", "inner": {"rate": 1, "widths": [3]}, "milestones": [1, 2], "models": ["x", {"y": 1}]}
    made = converter().structure(data, Outer)
    assert made == Outer(
        name="a", inner=Inner(rate=1.0, widths=[3]), milestones=(1.0, 2.0), models=["x", {"y": 1}]
    )
    assert type(made.inner.rate) is float


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"inner": {"rate": "1"}}, "inner.rate: '1' is not a number"),
        ({"inner": {"rate": float("nan")}}, "inner.rate: nan is not a number"),
        ({"inner": {"widths": "12"}}, "inner.widths: '12' is not a list"),
        ({"inner": {"widths": {"1": 2}}}, "inner.widths: {'1': 2} is not a list"),
        ({"models": "abc"}, "models: 'abc' is not a list"),
        ({"milestones": "12"}, "milestones: '12' is not a list"),
        ({"milestones": 0.5}, "milestones: 0.5 is not a list"),
        ({"epochs": 1.0}, "epochs: 1.0 is not a whole number"),
        ({"epochs": True}, "epochs: True is not a whole number"),
        (
            {"nmae": 3},
            "unknown key 'nmae'. Did you mean 'name'? Keys: name, inner, models, milestones, epochs",
        ),
        ({"inner": {"raet": 1.0}}, "inner: unknown key 'raet'. Did you mean 'rate'? Keys: rate, widths"),
    ],
)
def test_mistakes_are_named_by_their_key(more, line):
    assert mistakes({"name": "a", **more}) == [line]
    [prefixed] = mistakes({"name": "a", **more}, "recipe")
    assert prefixed.startswith("recipe")


def test_every_mistake_is_listed():
    lines = mistakes({"inner": {"rate": None, "widths": [1, 2.5]}})
    assert len(lines) == 3
    assert "inner.rate: None is not a number" in lines
    assert any("name" in line and "missing" in line for line in lines)
    assert any(line.startswith("inner.widths") and "2.5 is not a whole number" in line for line in lines)
