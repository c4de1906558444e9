"""Combinations that a sampler of Optuna draws, round by round, in place of all.

What a round has come to is told in the order in which it was asked for, and never before its end, so the next
round depends on the file alone: not on which run was faster, nor on where the study was stopped.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from snnplug.engine.studies.combinations import Combination
from snnplug.engine.studies.file import StudyFile
from snnplug.engine.studies.ranges import Range

__all__ = ["Drawn", "Sampler", "corners"]


@attrs.define
class Drawn:
    """A combination that was drawn.

    Attributes:
        combination: what it is.
        trial: Optuna's.
        pruned: why it is not run with further seeds, empty where it is.
    """

    combination: Combination
    trial: Any
    pruned: str = ""


class Sampler:
    """Draws combinations, and learns what came of them.

    Args:
        file: with a number of samples.
    """

    def __init__(self, file: StudyFile) -> None:
        import optuna

        logging.getLogger("optuna").setLevel(logging.WARNING)
        self.file, self.optuna = file, optuna
        kinds = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
        directions = optuna.study.StudyDirection
        ways = {"max": directions.MAXIMIZE, "min": directions.MINIMIZE}
        pruner = optuna.pruners.MedianPruner(n_startup_trials=file.round_size, n_warmup_steps=0)
        self.study = optuna.create_study(
            directions=[ways[way] for way in file.measures.values()],
            sampler=kinds[file.sampler](seed=file.sampler_seed),
            pruner=pruner if file.prune else optuna.pruners.NopPruner(),
        )
        self.left = file.samples

    def ask(self) -> list[Drawn]:
        """Return the combinations of the next round, none when all are drawn."""
        count = min(self.left, self.file.round_size)
        self.left -= count
        trials = [self.study.ask() for _ in range(count)]
        return [Drawn(Combination(self._values(trial)), trial) for trial in trials]

    def report(self, drawn: Sequence[Drawn], values: Sequence[float | None], step: int) -> None:
        """Take the mean of the only measure over the first seeds, and prune what is worse than the median."""
        if not self.file.prune:
            return
        for one, value in zip(drawn, values, strict=True):
            if value is not None:
                one.trial.report(value, step)
        for one, value in zip(drawn, values, strict=True):
            if value is not None and not one.pruned and one.trial.should_prune():
                one.pruned = f"worse than the median after {step + 1} of {len(self.file.seeds)} seeds"

    def tell(self, drawn: Sequence[Drawn], values: Sequence[Mapping[str, float]]) -> None:
        """Take what a round has come to, the mean of each measure; what lacks one has failed."""
        states = self.optuna.trial.TrialState
        for one, means in zip(drawn, values, strict=True):
            found = [means.get(measure, math.nan) for measure in self.file.measures]
            if one.pruned:
                self.study.tell(one.trial, state=states.PRUNED)
            elif any(map(math.isnan, found)):
                self.study.tell(one.trial, state=states.FAIL)
            else:
                self.study.tell(one.trial, found)

    def _values(self, trial: Any) -> dict[str, Any]:
        chosen = {
            key: values[trial.suggest_categorical(key, list(range(len(values))))]
            for key, values in self.file.axes.items()
        }
        return chosen | {key: _number(trial, key, span) for key, span in self.file.ranges.items()}


def _number(trial: Any, key: str, span: Range) -> float:
    suggest = trial.suggest_int if span.whole else trial.suggest_float
    found: float = suggest(key, span.low, span.high, log=span.log)
    return found


def corners(file: StudyFile, combined: Sequence[Combination]) -> list[Combination]:
    """Return every combination of the axes with all ranges at their low and at their high end."""
    ends = [{key: getattr(span, end) for key, span in file.ranges.items()} for end in ("low", "high")]
    return [Combination({**one.values, **end}) for one in combined for end in ends]
