"""The Pareto front: the points that no other one beats in every coordinate. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["pareto_front"]


def pareto_front(points: Sequence[Sequence[float]]) -> list[int]:
    """Return the positions of the points that no other dominates, in ascending order.

    A point dominates another that is nowhere higher and not equal. Of equal points none
    dominates the other. A point with a NaN or infinite coordinate is never on the front.

    Args:
        points: coordinates of each point, higher being better in all of them.
    """
    finite = [i for i, point in enumerate(points) if all(map(math.isfinite, point))]
    front: list[int] = []
    for i in sorted(finite, key=lambda i: tuple(points[i]), reverse=True):
        if not any(_dominates(points[j], points[i]) for j in front):  # who dominates i has come before
            front.append(i)
    return sorted(front)


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return tuple(one) != tuple(other) and all(a >= b for a, b in zip(one, other, strict=True))
