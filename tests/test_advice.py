"""What a trace says to do."""

from __future__ import annotations

from typing import Any

import pytest

from snnplug.contracts import ErrorPart, LayerError, LayerTrace, Trace, advice


def error(relative: float | None, lower: float = 0, upper: float = 0, rest: float = 1) -> LayerError:
    parts = {
        "lower": ErrorPart(int(lower > 0), lower),
        "upper": ErrorPart(int(upper > 0), upper),
        "quantisation": ErrorPart(9, rest),
    }
    return LayerError(0.0, 1.0, 1.0, relative, 1.0, (0.0,) * 7, ((0, 1.0),), **parts)


def layer(name: str, own: LayerError, accumulated: float, **values: Any) -> LayerTrace:
    given = {"silent": 0, "silent_channels": (), **values}
    return LayerTrace(
        name=name,
        neuron="Code",
        values=100,
        channels=4,
        active=50,
        own=own,
        accumulated=error(accumulated),
        **given,
    )


def said(*layers: LayerTrace) -> str:
    return "\n".join(advice(Trace(8, 1, layers)))


def test_a_good_network_needs_none() -> None:
    text = said(layer("a", error(0.01), 0.01), layer("b", error(0.02), 0.09))
    assert text == "No layer's accumulated error exceeds 10% of its activations; nothing needs mending."


@pytest.mark.parametrize(
    ("own", "cause"),
    [
        (0.05, "only 5.0%, so the cause is in the layers before it"),
        (0.2, "20.0%, so the cause is in this layer"),
    ],
)
def test_the_layer_where_the_error_starts_is_named(own: float, cause: str) -> None:
    text = said(layer("a", error(0.01), 0.01), layer("b", error(own), 0.3), layer("c", error(0.01), 0.9))
    assert "The error starts at 'b'" in text
    assert f"with 30.0%; its own is {cause}." in text


def test_clipping_is_too_low_where_upper_truncation_dominates() -> None:
    text = said(layer("a", error(0.2, upper=3), 0.2), layer("b", error(0.2, upper=0.2), 0.2))
    assert "Clipping is too low in 'a': " in text
    assert "raise the percentile or the scale there" in text
    assert "too high" not in text


def test_clipping_is_too_high_where_lower_truncation_dominates_and_none_reaches_the_highest_level() -> None:
    text = said(layer("a", error(0.2, lower=3), 0.2), layer("b", error(0.2, lower=3, upper=0.1), 0.2))
    assert "Clipping is too high in 'a': " in text
    assert "lower the percentile or the scale there" in text
    assert "too low" not in text


def test_dead_windows_and_channels_are_named() -> None:
    text = said(layer("a", error(0.2), 0.2, silent=20), layer("b", error(0.2), 0.2, silent_channels=(3,)))
    assert "Windows are dead in 'a': for up to 40% of the active values no spike" in text
    assert "never send a spike in 'b'" in text


def test_a_layer_whose_own_error_stands_out_is_named() -> None:
    text = said(*(layer(name, error(0.9 if name == "c" else 0.1), 0.5) for name in "abcde"))
    assert "own error of 'c' stands out" in text


def test_slots_help_within_the_range_of_the_code_only() -> None:
    assert "More slots would help: 75%" in said(layer("a", error(0.2, upper=1, rest=3), 0.2))
    assert "More slots would not help: only 25%" in said(layer("a", error(0.2, upper=3, rest=1), 0.2))


def test_long_lists_are_cut() -> None:
    text = said(*(layer(f"l{i}", error(0.2, upper=3), 0.2) for i in range(7)))
    assert "'l0', 'l1', 'l2', 'l3' and 3 more" in text


def test_a_layer_without_activations_is_no_cause() -> None:
    assert "No layer's" in said(layer("a", error(None), 0.0))
