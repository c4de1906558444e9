"""The rungs of a search: the scores that candidates have, each dearer than the one below.

Every rung has a journal of its own, and its candidates have a score at the rung below.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Collection, Iterable

import attrs

from snnplug.contracts import Ask, Trial
from snnplug.engine.scoring.evaluator import Job
from snnplug.engine.session import Session
from snnplug.engine.trials import Trials
from snnplug.registry.component import Component
from snnplug.registry.kinds import ScorerSpec
from snnplug.runs.journal import Failure
from snnplug.runs.search_records import RungRecord, TrialRecord
from snnplug.statistics.ranking import kendall

__all__ = ["Rung", "rung_record"]


class Rung:
    """What was asked for at one rung, and what came of it.

    Args:
        session: of the run.
        level: 0 for the search's own score.
        scorer: of this rung.
        references: keys of networks that are scored whatever the limits of the search.

    Attributes:
        known: what is in its journal.
        sign: 1 where a higher score is better, else -1.
        draws: how often each candidate was asked for, by key, in the order in which they first were.
        asked: what was asked first of each, by key.
    """

    def __init__(
        self, session: Session, level: int, scorer: Component, references: Collection[str] = ()
    ) -> None:
        self.level, self.scorer = level, scorer
        spec = scorer.spec
        assert isinstance(spec, ScorerSpec)
        self.sign = 1.0 if spec.higher_is_better else -1.0
        self.known = Trials(session, references, level)
        self.draws: Counter[str] = Counter()
        self.asked: dict[str, Ask] = {}
        self.best = -math.inf  # score so far, for the bar

    def take(self, ask: Ask, key: str) -> Job | None:
        """Count a draw, and return what has to be scored for it."""
        job = None
        if key not in self.draws and key not in self.known:
            job = Job(len(self.draws), ask.genotype, key, rung=self.level)
        self.asked.setdefault(key, ask)
        self.draws[key] += 1
        return job

    def trial(self, key: str) -> Trial:
        """Return the trial of a drawn candidate: a reference that a limit refuses has no score as such."""
        trial = attrs.evolve(self.known[key], genotype=self.asked[key].genotype, rung=self.level)
        return attrs.evolve(trial, score=math.nan, values={}, parts={}) if self.known.beyond(key) else trial

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All that were drawn, in the order in which they first were."""
        return tuple(attrs.evolve(self.trial(key), index=index) for index, key in enumerate(self.draws))

    def scores(self, keys: Iterable[str]) -> list[float]:
        """Return the scores of what was drawn, as far as they are known and no limit refuses it."""
        known = self.known
        return [known[key].score for key in keys if key in known and not known.beyond(key)]

    def best_trial(self) -> Trial | None:
        """Return the trial with the best score, the first one of equals; None where none has any."""
        finite = [trial for trial in self.trials if math.isfinite(trial.score)]
        return max(finite, key=lambda trial: (self.sign * trial.score, -trial.index), default=None)

    def record(self, trial: Trial) -> TrialRecord:
        """Return the record of one of its trials, or of a reference."""
        ask, failure = self.asked.get(trial.key), self.known.failures.get(trial.key, Failure())
        reason = None if math.isfinite(trial.score) else failure.reason or None
        record = TrialRecord.of(trial, self.draws[trial.key], reason, failure.beyond)
        return record if ask is None else attrs.evolve(record, why=ask.why or None, expected=ask.expected)

    def note(self, keys: Iterable[str]) -> str:
        """Return what the bar shows, with candidates that are new to it."""
        scores = [self.sign * score for score in self.scores(keys) if math.isfinite(score)]
        self.best = max([self.best, *scores])
        best = f", best {self.sign * self.best:.4g}" if math.isfinite(self.best) else ""
        where = f"rung {self.level}: " if self.level else ""
        return f"{where}{len(self.draws)} {'of them' if self.level else 'distinct'}{best}"


def rung_record(rung: Rung, below: Rung) -> RungRecord:
    """Return what a rung above the first has cost and bought; `below` is the one below it."""
    trials = rung.trials
    seconds = [trial.seconds for trial in trials]
    pairs = [
        (rung.sign * trial.score, below.sign * below.trial(trial.key).score, trial)
        for trial in trials
        if math.isfinite(trial.score)
    ]
    best = max(pairs, key=lambda pair: pair[0], default=None)
    first = max(pairs, key=lambda pair: pair[1], default=None)
    return RungRecord(
        scorer=rung.scorer.qualified,
        parameters=rung.scorer.to_dict(),
        higher_is_better=rung.sign > 0,
        candidates=len(rung.draws),
        failed=len(rung.draws) - len(pairs),
        seconds=sum(seconds),
        seconds_per_candidate=statistics.median(seconds) if seconds else None,
        best=TrialRecord.of(best[2]) if best else None,
        gained=best[0] - first[0] if best and first else None,
        tau=kendall([own for own, _, _ in pairs], [other for _, other, _ in pairs]) if pairs else None,
    )
