"""The search stage: ask, score what is new, tell; every trial on the disk as soon as it is scored.

A search that was killed is continued by asking again from the start: the strategy draws
the same genotypes, and those in the journal are answered from it. The journal has one
writer, this process; candidates of one round may be scored by several.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Iterable
from typing import Any

import attrs

from snnplug.contracts import Genotype, SearchSpace, Trial
from snnplug.engine.scoring.evaluator import Job
from snnplug.engine.scoring.workers import scoring
from snnplug.engine.setup import Setup
from snnplug.errors import RunFailed
from snnplug.recipe.plan import Plan
from snnplug.runs.journal import TrialJournal
from snnplug.seeds import derive_seed
from snnplug.statistics.pareto import pareto_front

__all__ = ["SearchResult", "search"]

_GIVE_UP_AFTER = 5  # candidates that fail in a row from the start: the scorer cannot work here


@attrs.frozen(kw_only=True)
class SearchResult:
    """What a search found.

    Attributes:
        best: the trial with the best score; the first one of equals.
        trials: all evaluated, in the order in which they were first drawn.
        draws: genotypes asked for, by key.
        pareto: where the recipe has objectives, the trials that no other beats in all of them
            and in the score.
        workers: processes that scored.
    """

    best: Trial
    trials: tuple[Trial, ...]
    draws: Counter[str]
    pareto: tuple[Trial, ...] = ()
    workers: int = 1

    @property
    def seconds(self) -> float:
        """Time of scoring over all sessions of the run, divided among the workers."""
        return sum(trial.seconds for trial in self.trials) / self.workers

    @property
    def seconds_per_candidate(self) -> float:
        """Median time that one worker spent on one candidate."""
        return statistics.median(trial.seconds for trial in self.trials)


def search(setup: Setup, space: SearchSpace) -> SearchResult:
    """Run or continue the search of a run directory.

    Raises:
        RunFailed: no candidate could be scored, or a candidate's worker died twice.
    """
    plan = setup.plan
    assert plan.strategy is not None and plan.recipe.search is not None
    strategy = plan.strategy.build(space, derive_seed(setup.seed, "strategy"))
    journal = TrialJournal(setup.directory.file("trials.journal"))
    known = {trial.key: trial for trial in journal.trials}
    draws: Counter[str] = Counter()
    sign, reason = plan.scorer_sign, ""
    with scoring(setup, space) as score, setup.report.bar("search", strategy.draws) as bar:
        while genotypes := strategy.ask(plan.recipe.search.round_size):
            keys = [space.key(genotype) for genotype in genotypes]
            jobs = []
            for genotype, key in zip(genotypes, keys, strict=True):
                if key not in draws and key not in known:
                    jobs.append(Job(len(draws), _plain(genotype), key))
                draws[key] += 1
            for scored in score(jobs):
                known[scored.trial.key] = scored.trial
                with setup.directory.storage_errors("trials.journal"):
                    journal.add(scored.trial)
                reason = f"; one of them failed with {scored.reason}" if scored.reason else reason
                bar.advance(_note(known.values(), sign, draws))
            bar.advance(_note(known.values(), sign, draws), len(keys) - len(jobs))
            strategy.tell([_told(known[key], plan) for key in keys])
            if len(known) >= _GIVE_UP_AFTER and not _finite(known.values()):
                raise RunFailed(f"the first {len(known)} candidates could not be scored{reason}")
    trials = tuple(sorted(known.values(), key=lambda trial: trial.index))
    if not (finite := _finite(trials)):
        raise RunFailed(f"none of {len(trials)} candidates could be scored{reason}")
    best = max(finite, key=lambda trial: (sign * trial.score, -trial.index))
    front = pareto_front([_told(trial, plan).objectives for trial in trials]) if plan.objectives else []
    return SearchResult(
        best=best,
        trials=trials,
        draws=draws,
        pareto=tuple(trials[i] for i in front),
        workers=plan.recipe.search.workers,
    )


def _told(trial: Trial, plan: Plan) -> Trial:
    """Return the trial as a strategy sees it: higher is better."""
    score = plan.scorer_sign * trial.score
    if not plan.objectives:
        return attrs.evolve(trial, score=score)
    others = (o.sign * trial.values.get(o.component.qualified, math.nan) for o in plan.objectives)
    return attrs.evolve(trial, score=score, objectives=(score, *others))


def _finite(trials: Iterable[Trial]) -> list[Trial]:
    return [trial for trial in trials if math.isfinite(trial.score)]


def _note(trials: Any, sign: float, draws: Counter[str]) -> str:
    scores = [sign * trial.score for trial in _finite(trials)]
    return f"{len(draws)} distinct, best {sign * max(scores):.4g}" if scores else ""


def _plain(genotype: Genotype) -> Genotype:
    """Return the genotype as the journal will give it back."""
    return json.loads(json.dumps(genotype))
