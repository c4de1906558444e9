"""Events collected into frames; tonic and SpikingJelly gave the figures in `tests/data/event-frames`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from snnplug.errors import DataError
from snnplug.nn.events import Events, to_frames

FIGURES = Path(__file__).parents[1] / "data" / "event-frames"


def _published(library: str):
    content = json.loads((FIGURES / f"{library}.json").read_text())
    for number, stream in enumerate(content["streams"]):
        events = Events.from_array({name: torch.tensor(column) for name, column in stream["events"].items()})
        for frames in stream["frames"]:
            yield pytest.param(tuple(content["size"]), events, frames, id=f"{number}-{frames['call']}")


@pytest.mark.parametrize(("size", "events", "published"), [*_published("tonic"), *_published("spikingjelly")])
def test_frames_equal_those_of_other_libraries(size, events, published) -> None:
    expected = torch.zeros(published["shape"], dtype=torch.uint8)
    expected.view(-1)[published["places"]] = torch.tensor(published["counts"], dtype=torch.uint8)
    window = tuple(published["window"]) if "window" in published else None
    found = to_frames(
        events,
        size=size,
        steps=published["steps"],
        by=published["by"],
        remainder=published["remainder"],
        window=window,
    )
    assert torch.equal(found, expected)


def _line(times: list[int]) -> Events:
    """One event a column, so that a frame shows which events it holds."""
    return Events.of(times, list(range(len(times))))


def _members(times: list[int], **how) -> list[list[int]]:
    frames = to_frames(_line(times), size=(1, len(times)), polarities=1, **how)
    return [[times[i] for i in frame.flatten().nonzero().flatten().tolist()] for frame in frames]


TIMES = [0, 3, 4, 5, 7, 8, 10]


def test_equal_intervals_have_exact_edges_and_hold_the_last_event() -> None:
    assert _members(TIMES, steps=3) == [[0, 3], [4, 5], [7, 8, 10]]  # edges 10/3 and 20/3
    assert _members(TIMES, steps=3, remainder="last") == [[0], [3, 4, 5], [7, 8, 10]]  # edges 3 and 6
    assert _members(TIMES, steps=3, remainder="drop") == [[0], [3, 4, 5], [7, 8]]  # and the end at 9


def test_equal_shares_differ_by_one_at_most() -> None:
    assert _members(TIMES, steps=3, by="count") == [[0, 3], [4, 5], [7, 8, 10]]
    assert _members(TIMES, steps=4, by="count") == [[0], [3, 4], [5, 7], [8, 10]]
    assert _members(TIMES, steps=4, by="count", remainder="last") == [[0], [3], [4], [5, 7, 8, 10]]
    assert _members(TIMES, steps=4, by="count", remainder="drop") == [[0], [3], [4], [5]]


def test_a_window_is_divided_whatever_lies_in_it() -> None:
    assert _members(TIMES, steps=2, window=(0, 8)) == [[0, 3], [4, 5, 7]]
    assert _members(TIMES, steps=3, window=(-30, 30)) == [[], [0, 3, 4, 5, 7, 8], [10]]
    assert _members(TIMES, steps=2, by="count", window=(3, 9)) == [[3, 4], [5, 7, 8]]


def test_every_event_is_counted_once_unless_the_rest_is_dropped() -> None:
    torch.manual_seed(0)
    n = 1000
    events = Events.of(
        torch.randint(997, (n,)), torch.randint(6, (n,)), torch.randint(5, (n,)), torch.randint(2, (n,))
    )
    for steps in (1, 7, 10, 64):
        for by in ("time", "count"):
            for remainder in ("spread", "last"):
                frames = to_frames(events, size=(5, 6), steps=steps, by=by, remainder=remainder)
                assert int(frames.sum()) == n
                assert torch.equal(frames.sum((0, 2, 3)), events.p.long().bincount())
    frames = to_frames(events, size=(5, 6), steps=8)
    assert torch.equal(
        to_frames(events, size=(5, 6), steps=8, polarities=1), frames.sum(1, keepdim=True).to(torch.uint8)
    )


def test_binary_frames_say_whether_and_counts_stop_at_255() -> None:
    events = Events.of([0] * 300 + [1], [0] * 300 + [1])
    kwargs = {"size": (1, 3), "steps": 1}
    assert to_frames(events, **kwargs).flatten().tolist() == [0, 0, 0, 255, 1, 0]
    assert to_frames(events, binary=True, **kwargs).flatten().tolist() == [0, 0, 0, 1, 1, 0]


@pytest.mark.parametrize("by", ["time", "count"])
@pytest.mark.parametrize("remainder", ["spread", "last", "drop"])
def test_streams_too_short_to_divide_give_frames_too(by, remainder) -> None:
    for times in ([], [5], [5, 5, 5]):
        frames = to_frames(
            Events.of(times, [0] * len(times)), size=(2, 2), steps=4, by=by, remainder=remainder
        )
        assert frames.shape == (4, 2, 2, 2)
        assert int(frames.sum()) == (0 if remainder == "drop" else len(times))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"by": "number"}, "by must be 'time' or 'count', got 'number'"),
        ({"polarities": 3}, "polarities must be 1 or 2, got 3"),
        ({"window": (3, 3)}, r"start < stop, got \(3, 3\)"),
        ({"remainder": "keep"}, "remainder must be 'spread', 'last' or 'drop', got 'keep'"),
        ({"size": (0, 4)}, r"each at least 1, got \(0, 4\)"),
        ({"size": (1, 2)}, "columns x must be from 0 to 1 on a sensor of that size, got 2"),
    ],
)
def test_wrong_arguments_are_told(how, message) -> None:
    with pytest.raises(DataError, match=message):
        to_frames(_line([1, 2, 3]), **{"size": (1, 3), "steps": 2, **how})
