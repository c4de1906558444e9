"""How an image moves before the sensor: way points in time, and straight lines between them.

`saccades` is the motion with which N-MNIST and N-Caltech101 were recorded: three of 100 ms each along the
sides of a triangle (Orchard et al., Frontiers in Neuroscience 2015, doi:10.3389/fnins.2015.00437), here
around the centre and without its random jitter. `excursions` leaves the centre and returns to it, once
along each axis, in one order or the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, NamedTuple

import torch
from annotated_types import Ge
from torch import Tensor

from snnplug import check_ranges

__all__ = ["SUBPIXELS", "Motion", "excursions", "saccades"]

SUBPIXELS = 32  # positions are whole numbers of so many parts of a pixel

_SACCADE = 100_000  # microseconds


class Motion(NamedTuple):
    """A path of S intervals, in each of which the brightness of a pixel changes linearly.

    Attributes:
        times: where intervals end `[S + 1]`, microseconds, int64, ascending.
        places: how far the image is down and to the right of the centre then `[S + 1, 2]`, int64, in
            parts of a pixel (`SUBPIXELS`).
        start: when the recording begins; what happens before prepares the sensor and is not recorded.
    """

    times: Tensor
    places: Tensor
    start: int = 0

    @property
    def duration(self) -> int:
        """Length of the recording in microseconds."""
        return int(self.times[-1]) - self.start

    @property
    def reach(self) -> int:
        """How far the image goes along an axis, in pixels, rounded up."""
        return -(-int(self.places.abs().max()) // SUBPIXELS)

    @classmethod
    def through(cls, points: Sequence[tuple[int, float, float]], *, parts: int = 4, start: int = 0) -> Motion:
        """Return the motion through way points `(microseconds, pixels down, pixels right)`.

        Args:
            points: in the order of their times.
            parts: intervals of the simulation in each pixel of the way, at least 1.
            start: when the recording begins.
        """
        times, places = [points[0][0]], [points[0][1:]]
        for (t0, y0, x0), (t1, y1, x1) in pairwise(points):
            count = max(1, round(parts * max(abs(y1 - y0), abs(x1 - x0))))
            for k in range(1, count + 1):
                times.append(t0 + k * (t1 - t0) // count)
                places.append((y0 + (y1 - y0) * k / count, x0 + (x1 - x0) * k / count))
        parts_of_pixels = torch.tensor(places, dtype=torch.float64).mul_(SUBPIXELS).round_().long()
        return cls(torch.tensor(times), parts_of_pixels, start)


@check_ranges
def saccades(reach: Annotated[int, Ge(1)]) -> Motion:
    """Return three saccades around a triangle, 300 ms in all.

    Args:
        reach: length of its base and its height, in pixels.

    Raises:
        ValueError: it is less than a pixel.
    """
    corners = ((0.0, 0.0), (reach, reach / 2), (0.0, reach), (0.0, 0.0))
    # the triangle lies around the centre
    points = [(k * _SACCADE, y - reach / 2, x - reach / 2) for k, (y, x) in enumerate(corners)]
    return Motion.through(points)


@check_ranges
def excursions(reach: Annotated[int, Ge(1)], *, down_first: bool) -> Motion:
    """Return two ways from the centre and back, 100 ms each: to the right, and down, or down first.

    Both have been run once when the recording begins. The sensor then is in a cycle: each excursion finds
    the pixels as it would in the other order, and the recordings of the two orders hold the same events,
    those of one half exchanged in time with those of the other.

    Args:
        reach: how far it goes, in pixels.
        down_first: which order.

    Raises:
        ValueError: the reach is less than a pixel.
    """
    right, down = (0.0, float(reach)), (float(reach), 0.0)
    turns = (down, right) if down_first else (right, down)
    points = [(0, 0.0, 0.0)]
    for turn in (*turns, *turns):
        left = points[-1][0]
        points += [(left + _SACCADE // 2, *turn), (left + _SACCADE, 0.0, 0.0)]
    return Motion.through(points, parts=1, start=2 * _SACCADE)
