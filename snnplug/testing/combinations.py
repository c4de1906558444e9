"""Few combinations of parameters in which every pair of values occurs. Imports no torch.

A fault mostly shows with one value, or with two together (Kuhn, Wallace and Gallo, "Software fault
interactions and implications for software testing", IEEE TSE 30(6), 2004), so testing every pair
finds nearly what testing every combination finds, with far fewer cases.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from typing import Any

__all__ = ["covering"]

_TRIES = 32  # rows drawn for each one that is taken


def covering(strength: int = 2, /, **values: Iterable[Any]) -> list[dict[str, Any]]:
    """Return combinations of values, by name, in which every choice of `strength` values occurs together.

        covering(tau=[1.5, 2.0, 4.0], reset=["hard", "soft"], detach_reset=[True, False])

    They are for `pytest.mark.parametrize` and the `params` of a conformance class. The same arguments
    give the same combinations.

    Args:
        strength: values that occur together: 1 each value, 2 each pair, the number of names each combination.
        values: what each parameter may be.
    """
    names, choices = list(values), [list(options) for options in values.values()]
    groups = list(itertools.combinations(range(len(names)), min(strength, len(names))))
    wanted = {
        (group, places)
        for group in groups
        for places in itertools.product(*(range(len(choices[i])) for i in group))
    }
    generator, rows = random.Random(0), []
    while wanted:
        group, places = min(wanted)  # at least one new choice a row
        drawn = []
        for _ in range(_TRIES):
            row = [generator.randrange(len(options)) for options in choices]
            for i, place in zip(group, places, strict=True):
                row[i] = place
            drawn.append(row)
        best = max(drawn, key=lambda row: len(_covered(row, groups) & wanted))
        wanted -= _covered(best, groups)
        rows.append(best)
    return [{n: c[i] for n, c, i in zip(names, choices, row, strict=True)} for row in rows]


def _covered(row: list[int], groups: list[tuple[int, ...]]) -> set[tuple[tuple[int, ...], tuple[int, ...]]]:
    return {(group, tuple(row[i] for i in group)) for group in groups}
