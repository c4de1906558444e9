"""Accuracy weighed against a cost: which of some candidates is best as the cost counts for more.

    value = accuracy * (cost / mean cost)^exponent        exponent 0: accuracy alone; the lower, the dearer

The mean cost is a constant factor and changes no rank. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

__all__ = ["EXPONENTS", "Weighed", "weigh"]

EXPONENTS = (0.0, -0.04, -0.08, -0.12, -0.16, -0.2, -0.24)


@attrs.frozen
class Weighed:
    """The best candidate under neighbouring exponents.

    Attributes:
        first, last: exponents, in the order asked for; equal where it is best under one alone.
        position: of the candidate.
        accuracy, cost: of the candidate.
    """

    first: float
    last: float
    position: int
    accuracy: float
    cost: float


def weigh(
    candidates: Sequence[tuple[float | None, float | None]],
    exponents: Sequence[float] = EXPONENTS,
    *,
    least: float = 0.0,
) -> list[Weighed]:
    """Return who is best under each exponent; neighbours with the same candidate are one.

    Of equals the cheaper one is best, then the first. One without accuracy or cost is left out, and so is one
    that costs nothing, which would be best by infinity.

    Args:
        candidates: accuracy and cost of each.
        exponents: how the cost counts.
        least: what a candidate costs at least.
    """
    known = {
        i: (accuracy, max(cost, least))
        for i, (accuracy, cost) in enumerate(candidates)
        if accuracy is not None and cost is not None and math.isfinite(accuracy) and math.isfinite(cost)
    }
    known = {i: pair for i, pair in known.items() if pair[1] > 0}
    if not known:
        return []
    mean = math.fsum(cost for _, cost in known.values()) / len(known)
    found: list[Weighed] = []
    for exponent in exponents:
        best = max(known, key=lambda i: (known[i][0] * (known[i][1] / mean) ** exponent, -known[i][1]))
        if found and found[-1].position == best:
            found[-1] = attrs.evolve(found[-1], last=exponent)
        else:
            found.append(Weighed(exponent, exponent, best, *known[best]))
    return found
