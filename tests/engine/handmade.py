"""A strategy that asks for a list of widths, and a scorer that likes them wide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import toys

from snnplug import Candidate, Registry, ScorerSpec, StrategySpec, Trial
from snnplug.runs.journal import TrialJournal

asked: list[int] = []  # widths that were scored
told: list[Trial] = []


class Listed:
    """Asks for widths in order."""

    def __init__(self, space: toys.ToySpace, seed: int, *, widths: tuple[int, ...] = ()) -> None:
        self.widths, self.draws = list(widths), len(widths)

    def ask(self, n: int) -> Sequence[Any]:
        now, self.widths = self.widths[:n], self.widths[n:]
        return now

    def tell(self, trials: Iterable[Trial]) -> None:
        told.extend(trials)


class Wide:
    """The width; it fails at some.

    Args:
        bad: widths that it fails at.
    """

    def __init__(self, *, bad: tuple[int, ...] = ()) -> None:
        self.bad = bad

    def __call__(self, candidate: Candidate) -> float:
        asked.append(candidate.genotype)
        if candidate.genotype in self.bad:
            raise RuntimeError(f"no score for {candidate.genotype}")
        return float(candidate.genotype)


def registry() -> Registry:
    """The toys, the strategy and the scorer."""
    made = toys.toy_registry()
    made.register(StrategySpec(name="listed", target=Listed, summary="Asks for a list."))
    made.register(ScorerSpec(name="wide", target=Wide, summary="Widths."))
    return made


def recipe(*widths: int, bad: Sequence[int] = (), **search: Any) -> dict[str, Any]:
    """Return a search of the widths, and forget what was asked and told before."""
    asked.clear()
    told.clear()
    own = {
        **toys.RECIPE["search"],
        "strategy": {"use": "listed", "widths": list(widths)},
        "scorer": {"use": "wide", "bad": list(bad)},
        "baselines": False,
    }
    return {**{k: v for k, v in toys.RECIPE.items() if k != "train"}, "search": own | search}


def parameters(width: int) -> int:
    """Return how many a network of a width has: 16 inputs, 2 classes, and biases."""
    return 16 * width + width + 2 * width + 2


def journal(directory: Path) -> Any:
    """Return what the journal of a run holds, without order and times."""
    found = TrialJournal(directory / "trials.journal")
    lines = {
        trial.key: (trial.genotype, repr(trial.score), dict(trial.values), trial.parts)
        for trial in found.trials
    }
    assert len(lines) == len(found.trials)
    return lines, found.failures
