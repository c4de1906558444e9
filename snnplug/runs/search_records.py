"""What a search has found, in trials.json, rungs.json and summary.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from snnplug.contracts import Graph, Trial
from snnplug.runs.schema import Number

__all__ = ["RungRecord", "SearchRecord", "TrialRecord"]


@attrs.frozen(kw_only=True)
class TrialRecord:
    """One candidate of `trials.json`.

    Attributes:
        index: position among the evaluated ones.
        genotype, key: the candidate.
        score: the scorer's.
        values: scores of the baselines and objectives, by name.
        parts: what the score is made of, by name; None where the scorer does not say.
        seconds: time of all its scores together.
        draws: how often it was drawn.
        reason: why it has no score.
        beyond: what it has of `parameters`, `neurons` or `memory` beyond a limit of the search, for which
            it was refused; None where it is within them.
        rung: which score it is; None for the first.
        why, expected: why it was asked for there and what score was expected (as a strategy is told it), as
            far as its strategy says.
    """

    index: int | None = None
    genotype: Any = None
    key: str = ""
    score: Number = None
    values: Mapping[str, Number] = attrs.field(factory=dict)
    parts: Mapping[str, Number] | None = None
    seconds: Number = None
    draws: int | None = None
    reason: str | None = None
    beyond: Mapping[str, Number] | None = None
    rung: int | None = None
    why: str | None = None
    expected: Number = None

    @classmethod
    def of(
        cls,
        trial: Trial,
        draws: int | None = None,
        reason: str | None = None,
        beyond: Mapping[str, float] | None = None,
    ) -> TrialRecord:
        """Return the record of a trial; without `draws` also without its time."""
        return cls(
            index=trial.index,
            genotype=trial.genotype,
            key=trial.key,
            score=trial.score,
            values=dict(trial.values),
            parts=dict(trial.parts) or None,
            seconds=None if draws is None else trial.seconds,
            draws=draws,
            reason=reason,
            beyond=dict(beyond) if beyond else None,
            rung=trial.rung or None,
        )


@attrs.frozen(kw_only=True)
class RungRecord:
    """What a rung of a search, above the first, has cost and bought.

    Attributes:
        scorer: whose score it is; `parameters` as in a recipe.
        higher_is_better: which way.
        candidates: asked for there, `failed` of which got no score.
        seconds: of all of them, by one worker; `seconds_per_candidate` is the median.
        best: the candidate with the best score here.
        gained: by how much its score here is better than that of the candidate which the rung below liked
            best of those that came here.
        tau: Kendall's tau-b between the scores here and below, of those that came here.
    """

    scorer: str = ""
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    higher_is_better: bool = True
    candidates: int | None = None
    failed: int | None = None
    seconds: Number = None
    seconds_per_candidate: Number = None
    best: TrialRecord | None = None
    gained: Number = None
    tau: Number = None


@attrs.frozen(kw_only=True)
class SearchRecord:
    """What a search found; `best` is the genotype, plain JSON.

    `objectives` are goals ("min" or "max") by the name of their values; no candidate beats one of `pareto`
    in all of them and in the score. Of the `distinct` candidates some were `refused` by limits, None without
    limits, and all others `evaluated`. `references` are networks made by hand, by name, scored beside the
    search. With `rungs` the best is that of the highest one; `score` is the scorer's all the same.
    `higher_is_better` says which of its scores are better, None in records of an earlier snnplug.
    """

    space: str = ""
    strategy: str = ""
    scorer: str = ""
    draws: int | None = None
    distinct: int | None = None
    evaluated: int | None = None
    refused: int | None = None
    best: Any = None
    key: str = ""
    score: Number = None
    values: Mapping[str, Number] = attrs.field(factory=dict)
    objectives: Mapping[str, str] = attrs.field(factory=dict)
    pareto: tuple[TrialRecord, ...] = ()
    references: Mapping[str, TrialRecord] = attrs.field(factory=dict)
    seconds: Number = None
    seconds_per_candidate: Number = None
    graph: Graph | None = None
    rungs: tuple[RungRecord, ...] = ()
    higher_is_better: bool | None = None
