"""Events collected into frames: how many of each polarity fell on each pixel during each time step.

    F[k, p, y, x] = sum_i [i in segment k] [p_i = p] [y_i = y] [x_i = x]

The segments are T equal intervals of a duration D, or T equal shares of n events. Libraries differ in what
becomes of the rest where T divides neither, which `remainder` names:

| remainder | segments | rest |
|---|---|---|
| spread | edges at k D / T, exact, or floor(k n / T) | none |
| last | of floor(D / T), or of floor(n / T) events | in the last one too |
| drop | of floor(D / T), or of floor(n / T) events | left out |

Without a window D is from the first event to the last, and the last event falls into the last frame; with
"drop" by time it is left out. Which library does what stands in docs/events.md; its figures are test data.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from snnplug.errors import DataError
from snnplug.nn.events.stream import Events

__all__ = ["to_frames"]


def to_frames(
    events: Events,
    *,
    size: tuple[int, int],
    steps: int,
    by: Literal["time", "count"] = "time",
    polarities: Literal[1, 2] = 2,
    binary: bool = False,
    window: tuple[int, int] | None = None,
    remainder: Literal["spread", "last", "drop"] = "spread",
) -> Tensor:
    """Return frames `[T, P, H, W]` of counts, uint8; a count above 255 becomes 255.

    Args:
        events: of one sample.
        size: rows H and columns W of the sensor.
        steps: number of frames T.
        by: "time" for equal intervals, "count" for equal numbers of events.
        polarities: 2 for OFF and ON in channels 0 and 1, 1 for their sum in one.
        binary: 1 where there is an event, in place of their number.
        window: only events with `start <= t < stop`, in microseconds; the window is what is divided. None for
            all events. Frames of a fixed duration d have the window `(start, start + T * d)`.
        remainder: what becomes of the rest where T does not divide; see above.

    Raises:
        DataError: an argument is out of range, or an event lies outside the sensor.
    """
    _check(size, steps, by, polarities, window, remainder)
    if window is not None:
        events = events.between(*window)
    if by == "time":
        bounds = _bounds_in_time(events.t, steps, window, remainder)
    else:
        bounds = _bounds_in_number(events.number, steps, remainder)
    first, last = int(bounds[0]), int(bounds[-1])
    _, x, y, p = (column[first:last] for column in events)
    H, W = size
    _check_inside(x, W, "columns x")
    _check_inside(y, H, "rows y")
    frame = torch.arange(steps).repeat_interleave(bounds.diff())
    channel = frame.mul_(polarities).add_(p) if polarities == 2 else frame
    places = channel.mul_(H).add_(y).mul_(W).add_(x)
    counts = places.bincount(minlength=steps * polarities * H * W).clamp_(max=1 if binary else 255)
    return counts.to(torch.uint8).view(steps, polarities, H, W)


def _bounds_in_time(t: Tensor, steps: int, window: tuple[int, int] | None, remainder: str) -> Tensor:
    """Return the T + 1 places in the stream where an interval begins."""
    if not len(t):
        return torch.zeros(steps + 1, dtype=torch.long)
    start, stop = (int(t[0]), int(t[-1])) if window is None else window
    k, D = torch.arange(steps + 1), stop - start
    edges = -(-k * D // steps) if remainder == "spread" else k * (D // steps)  # rounded up: times are whole
    bounds = torch.searchsorted(t, start + edges)
    if remainder != "drop":
        bounds[-1] = len(t)
    return bounds


def _bounds_in_number(number: int, steps: int, remainder: str) -> Tensor:
    k = torch.arange(steps + 1)
    if remainder == "spread":
        return k * number // steps
    bounds = k * (number // steps)
    if remainder == "last":
        bounds[-1] = number
    return bounds


def _check_inside(places: Tensor, size: int, name: str) -> None:
    if len(places) and (largest := int(places.max())) >= size:
        raise DataError(f"{name} must be from 0 to {size - 1} on a sensor of that size, got {largest}")


def _check(
    size: tuple[int, int],
    steps: int,
    by: str,
    polarities: int,
    window: tuple[int, int] | None,
    remainder: str,
) -> None:
    if len(size) != 2 or min(size) < 1:
        raise DataError(f"size must be (rows, columns), each at least 1, got {size}")
    if steps < 1:
        raise DataError(f"steps must be at least 1, got {steps}")
    if by not in ("time", "count"):
        raise DataError(f"by must be 'time' or 'count', got {by!r}")
    if polarities not in (1, 2):
        raise DataError(f"polarities must be 1 or 2, got {polarities}")
    if window is not None and not window[0] < window[1]:
        raise DataError(f"window must be (start, stop) with start < stop, got {window}")
    if remainder not in ("spread", "last", "drop"):
        raise DataError(f"remainder must be 'spread', 'last' or 'drop', got {remainder!r}")
