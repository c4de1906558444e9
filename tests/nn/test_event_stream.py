"""A stream of events."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snnplug.errors import DataError
from snnplug.nn.events import Events


def test_events_are_sorted_by_time_and_keep_the_order_of_one_instant() -> None:
    events = Events.of([30, 10, 30, 20, 10], [0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [1, 0, 0, 1, 1])
    assert events.t.tolist() == [10, 10, 20, 30, 30]
    assert events.x.tolist() == [1, 4, 3, 0, 2]
    assert events.y.tolist() == [6, 9, 8, 5, 7]
    assert events.p.tolist() == [0, 1, 1, 1, 0]
    assert [column.dtype for column in events] == [torch.int64, torch.int16, torch.int16, torch.uint8]
    assert events.number == 5


def test_structured_arrays_of_recorders_are_read() -> None:
    array = np.array(
        [(3, 4, True, 20), (1, 2, False, 10)], dtype=[("x", ">i2"), ("y", "u2"), ("p", "?"), ("t", ">u4")]
    )
    events = Events.from_array(array)
    assert [column.tolist() for column in events] == [[10, 20], [1, 3], [2, 4], [0, 1]]
    line = Events.from_array({"t": np.array([1, 2]), "x": np.array([699, 0]), "p": np.array([1, 1])})
    assert line.y.tolist() == [0, 0]


def test_whole_numbers_in_floats_are_whole() -> None:
    assert Events.of(torch.tensor([1.0, 2.0]), [0, 1]).t.dtype == torch.int64


def test_a_time_cuts_before_its_events() -> None:
    events = Events.of([10, 20, 20, 30], [0, 1, 2, 3])
    assert events.between(20, 30).x.tolist() == [1, 2]
    assert events.between(0, 31).number == 4
    assert events.between(11, 20).number == 0
    assert events.shifted(5).t.tolist() == [15, 25, 25, 35]


def test_streams_merge_by_time_with_the_earlier_stream_first() -> None:
    one, two = Events.of([10, 20], [1, 2]), Events.of([5, 10], [3, 4])
    assert Events.merged([one, two]).x.tolist() == [3, 1, 4, 2]
    assert Events.merged([]).number == 0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1, 2], [1]), "1 columns x but 2 times t"),
        (([0.5], [1]), r"times t must be whole numbers, got fractions; of seconds use \(t \* 1e6\)"),
        (([1], [-1]), "columns x must be from 0 to 32767, got -1"),
        (([1], [0], [40000]), "rows y must be from 0 to 32767, got 40000"),
        (([1], [0], [0], [-1]), "polarities p must be from 0 to 1, got -1; of -1 and 1 use p > 0"),
        (([[1]], [0]), r"times t must be one number an event, got the shape \[1, 1\]"),
        ((["a"], [0]), "times t must be whole numbers, got list"),
    ],
)
def test_bad_columns_are_told(columns, message) -> None:
    with pytest.raises(DataError, match=message):
        Events.of(*columns)


def test_missing_fields_are_told() -> None:
    with pytest.raises(DataError, match=r"need the fields t, x, p \(and y\), got x, y: t, p missing"):
        Events.from_array(np.zeros(2, dtype=[("x", "i2"), ("y", "i2")]))
    with pytest.raises(DataError, match="got none: t, x, p missing"):
        Events.from_array(np.zeros((2, 4)))
