"""Ranges in the types of parameters: read, said, and refused alike from a recipe and from Python."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import attrs
import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MinLen

from snnplug import LossSpec, Registry, check_ranges
from snnplug.contracts.ranges import complaint, limits_of, without_ranges, words_of
from snnplug.errors import ParameterError

if TYPE_CHECKING:
    from nowhere import Tensor

Count = Annotated[int, Ge(1)]
Share = Annotated[float, Interval(ge=0, lt=1)]


@pytest.mark.parametrize(
    ("annotation", "value", "said"),
    [
        (Annotated[float, Gt(1)], 1.0, "must be above 1, got 1.0"),
        (Annotated[float, Gt(1)], math.inf, "must be finite and above 1, got inf"),
        (Annotated[float, Lt(1)], -math.inf, "must be finite and below 1, got -inf"),
        (Annotated[float, Le(1)], math.nan, "must be finite and at most 1, got nan"),
        (Share, 1, "must be at least 0 and below 1, got 1"),
        (Annotated[float, Gt(0), Le(1)], 1.5, "must be above 0 and at most 1, got 1.5"),
        (Count | None, 0, "must be at least 1, got 0"),
        (Count | Literal["auto"], 0, "must be at least 1, got 0"),
        (Count | Literal["auto"], "atuo", "must be one of 'auto', got 'atuo'"),
        (tuple[Count, ...], (2, 0), "must be at least 1 each, got [2, 0]"),
        (tuple[Count, Share], (2, 1.0), "must be at least 0 and below 1 each, got [2, 1.0]"),
        (Annotated[list[Count], MinLen(1)], [], "must have at least 1 entry, got []"),
        (Annotated[Sequence[int], Len(2, 3)], [1], "must have at least 2 and at most 3 entries, got [1]"),
        (Mapping[str, Share], {"a": 2.0}, "must be at least 0 and below 1 each, got {'a': 2.0}"),
        (Count | list[Count], [1, 0], "must be at least 1 each, got [1, 0]"),
        (Annotated[float, Gt(1)], "two", "must be a number above 1, got 'two'"),
        (Count | None, "two", "must be a number at least 1, got 'two'"),
        (Count, None, "must be a number at least 1, got None"),
        (Literal["hard", "soft"], "weak", "must be one of 'hard', 'soft', got 'weak'"),
    ],
)
def test_outside(annotation: Any, value: Any, said: str) -> None:
    assert complaint(value, annotation) == said


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Annotated[float, Gt(1)], 1.5),
        (Share, 0),
        (Count | None, None),
        (tuple[Count, ...], ()),
        (Annotated[list[Count], MinLen(1)], [1]),
        (Count | list[Count], 3),
        (Count | Literal["auto"], "auto"),
        (Annotated[float, "a remark"], -5.0),
        (float, math.inf),  # no range is given
        (Annotated[int, Gt(1)], True),
        (Count | None, 2.5),  # of another type: not a matter of ranges
        (Any, object()),
    ],
)
def test_inside_or_none_of_its_business(annotation: Any, value: Any) -> None:
    assert complaint(value, annotation) == ""


def test_as_data_and_in_words() -> None:
    assert limits_of(Share | None) == {"ge": 0, "lt": 1}
    assert limits_of(Annotated[tuple[Count, ...], MinLen(1)]) == {"min_length": 1, "each": {"ge": 1}}
    assert limits_of(float) == limits_of(Any) == {}
    assert words_of(limits_of(Annotated[tuple[Count, ...], MinLen(1)])) == (
        "at least 1 entry and at least 1 each"
    )
    assert words_of({}) == ""


def test_without() -> None:
    assert without_ranges(Share | None) == float | None
    assert without_ranges(Annotated[tuple[Count, ...], MinLen(1)]) == tuple[int, ...]
    assert without_ranges(Literal["a", "b"]) == Literal["a", "b"]
    assert without_ranges(dict[str, Count]) == dict[str, int]
    assert without_ranges(Any) is Any


@check_ranges
def function(task: Any, tau: Annotated[float, Gt(1)] = 2.0, *, weight: Tensor | None = None) -> float:
    """A function."""
    return tau


@check_ranges
class Plain:
    """A class."""

    def __init__(self, *, share: Share = 0.5, counts: tuple[Count, ...] = (1,)) -> None:
        self.share = share


class Inherits(Plain):
    """A class whose range is its base's."""


@check_ranges
@attrs.frozen
class Record:
    """An attrs class."""

    share: Share = attrs.field(default=0.5, kw_only=True)


def test_from_python() -> None:
    assert function(None) == 2.0
    assert function(None, 3.0) == function(None, tau=3.0) == 3.0
    assert function.__doc__ == "A function."
    for call in (lambda: function(None, 1.0), lambda: function(None, tau=1.0)):
        with pytest.raises(ValueError, match=r"^tau must be above 1, got 1\.0$"):
            call()
    for cls in (Plain, Inherits, Record):
        assert cls(share=0.25).share == 0.25
        with pytest.raises(ValueError, match=r"^share must be at least 0 and below 1, got 1\.5$"):
            cls(share=1.5)
    with pytest.raises(ValueError, match=r"^counts must be at least 1 each, got \[0\]$"):
        Plain(counts=(0,))
    with pytest.raises(TypeError, match="nothing"):
        Plain(nothing=1)
    assert pickle.loads(pickle.dumps(Plain(share=0.25))).share == 0.25


def test_from_a_recipe_in_the_same_words() -> None:
    registry = Registry()
    registry.register(LossSpec(name="mine", target=Plain, summary="Mine."))
    component = registry.component("loss", {"use": "mine", "share": 1.5, "counts": [1, 0]}, "loss")
    lines = [
        "loss.share must be at least 0 and below 1, got 1.5",
        "loss.counts must be at least 1 each, got [1, 0]",
    ]
    assert component.check("loss") == lines
    with pytest.raises(ParameterError) as caught:
        component.build()
    assert str(caught.value).splitlines() == lines


def test_neurons_encoders_and_losses_check_without_a_decorator() -> None:
    pytest.importorskip("torch")
    from snnplug.nn import Encoder, Loss, SpikingNeuron

    for base in (SpikingNeuron, Encoder, Loss):

        class Mine(base):  # type: ignore[misc, valid-type]
            def __init__(self, *, tau: Annotated[float, Gt(1)] = 2.0) -> None:
                self.seen = tau

        class Inner(Mine):
            def __init__(self, *, scale: Annotated[float, Gt(0)] = 1.0, tau: float = 2.0) -> None:
                super().__init__(tau=tau)

        for cls, values, said in (
            (Mine, {"tau": 1.0}, "tau must be above 1, got 1.0"),
            (Inner, {"tau": 0.5}, "tau must be above 1, got 0.5"),
            (Inner, {"scale": 0.0}, "scale must be above 0, got 0.0"),
        ):
            with pytest.raises(ValueError, match=f"^{said}$"):
                cls(**values)
