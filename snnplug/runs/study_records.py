"""What a study has found, in answer.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

__all__ = ["Answer", "Cell", "Interval", "Row", "Verdict"]

Verdict = Literal["", "better", "worse", "not distinguishable"]


@attrs.frozen
class Interval:
    """A number with its 95 % interval; `low` and `high` are None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


@attrs.frozen(kw_only=True)
class Cell:
    """One number of one combination.

    Attributes:
        values: by seed.
        mean: with its bootstrap interval; None without values.
        difference: to the baseline, over the seeds that both have, with the interval of a t distribution.
        pairs: their number.
        p: corrected for the number of combinations.
        verdict: empty for the baseline, and where there is nothing to compare.
    """

    values: Mapping[int, float] = attrs.field(factory=dict)
    mean: Interval | None = None
    difference: Interval | None = None
    pairs: int = 0
    p: float | None = None
    verdict: Verdict = ""


@attrs.frozen(kw_only=True)
class Row:
    """A combination.

    Attributes:
        name: in a line.
        values: in a few words by axis.
        cells: by measure.
        runs: name of the run directory by seed, of those that are finished.
        baseline: others are compared with it.
        front: no other combination beats it in the means of all measures.
        failures: why runs have no result, by seed.
        refused: why none of them could start.
        pruned: why it was not run with all seeds, empty where it was.
    """

    name: str
    values: Mapping[str, str] = attrs.field(factory=dict)
    cells: Mapping[str, Cell] = attrs.field(factory=dict)
    runs: Mapping[int, str] = attrs.field(factory=dict)
    baseline: bool = False
    front: bool = False
    failures: Mapping[int, str] = attrs.field(factory=dict)
    refused: str = ""
    pruned: str = ""


@attrs.frozen(kw_only=True)
class Answer:
    """All combinations of a study, and what was asked of them."""

    name: str
    axes: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    measures: Mapping[str, str] = attrs.field(factory=dict)
    seeds: Sequence[int] = ()
    rows: Sequence[Row] = ()
