"""The loop of a search: ask, score what is new, tell; every trial on the disk as soon as it is scored.

A search that was killed is continued by asking again from the start: the strategy draws
the same genotypes, and those in the journal are answered from it. The journal has one
writer, this process; candidates of one round may be scored by several.
"""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from snnplug.contracts import Genotype, SearchSpace, Strategy, Trial
from snnplug.engine.scoring.evaluator import Job, Scored
from snnplug.engine.scoring.workers import scoring
from snnplug.engine.session import Session
from snnplug.engine.supernet import Shared
from snnplug.errors import ComponentError, RunFailed
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, refuse, title
from snnplug.registry.kinds import ScorerSpec
from snnplug.runs.journal import Failure, TrialJournal
from snnplug.statistics.pareto import pareto_front

__all__ = ["SearchResult", "Searcher"]

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
        reasons: why candidates have no score, by key, as far as it was recorded.
    """

    best: Trial
    trials: tuple[Trial, ...]
    draws: Counter[str]
    pareto: tuple[Trial, ...] = ()
    workers: int = 1
    reasons: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def seconds(self) -> float:
        """Time of scoring over all sessions of the run, divided among the workers."""
        return sum(trial.seconds for trial in self.trials) / self.workers

    @property
    def seconds_per_candidate(self) -> float:
        """Median time that one worker spent on one candidate."""
        return statistics.median(trial.seconds for trial in self.trials)


class Searcher:
    """Runs or continues the search of a run directory.

    Args:
        session: of the run.
        strategy: at its start.
        scorers: the search's own, then those that are recorded beside it.
        goals: 1 for each of them to be maximised, -1 for each to be minimised, by qualified name.
        shared: weights that candidates inherit; None without a supernet.
    """

    def __init__(
        self,
        session: Session,
        strategy: Strategy,
        scorers: Sequence[Component],
        goals: Mapping[str, float],
        shared: Shared | None = None,
    ) -> None:
        self.session, self.strategy, self.scorers, self.goals = session, strategy, scorers, goals
        self.shared = shared
        plan = session.parts.plan
        self.strategy_component, self.calls = plan["search.strategy"], session.parts.calls
        self.deciding = calling(
            self.strategy_component, "genotypes by ask, and results taken by tell", plan.used
        )
        self.section = session.parts.plan.recipe.search
        own = scorers[0].spec
        assert isinstance(own, ScorerSpec) and session.parts.space is not None
        self.sign = 1.0 if own.higher_is_better else -1.0
        self.space: SearchSpace = session.parts.space

    def run(self) -> SearchResult:
        """Search to the end.

        Raises:
            ComponentError: the strategy fails or asks for what it should not.
            RunFailed: no candidate could be scored, or a candidate's worker died twice.
        """
        session, strategy, section = self.session, self.strategy, self.section
        journal = self._journal()
        again = self._scored_again(journal)
        known = {trial.key: trial for trial in journal.trials if trial.key not in again}
        draws: Counter[str] = Counter()
        reason, resume = "", f"snnplug run --resume {session.directory.path}"
        with (
            scoring(
                session.parts, self.scorers, section.workers, resume, section.timeout, self.shared
            ) as score,
            session.report.bar("search", strategy.draws) as bar,
        ):
            while genotypes := self._ask(draws.total()):
                keys = [self._key(genotype) for genotype in genotypes]
                jobs = self._new(genotypes, keys, draws, known)
                for scored in score(jobs):
                    with session.directory.storage_errors("trials.journal"):
                        known[scored.trial.key] = journal.add(scored.trial, self._failure(scored))
                    reason = f"; one of them failed: {scored.reason}" if scored.reason else reason
                    for line, details in scored.failures:
                        session.lament(line, details)
                    bar.advance(self._note(known.values(), draws))
                bar.advance(self._note(known.values(), draws), len(keys) - len(jobs))
                with self.deciding:
                    strategy.tell([self._told(known[key]) for key in keys])
                if len(draws) >= _GIVE_UP_AFTER and not _finite(known[key] for key in draws):
                    raise RunFailed(f"the first {len(draws)} candidates could not be scored{reason}")
        trials = tuple(attrs.evolve(known[key], index=index) for index, key in enumerate(draws))
        if not trials:
            component = self.strategy_component
            said = f"{title(component)} asked for no candidate at all"
            raise ComponentError(said, plugin=component.plugin)
        if not (finite := _finite(trials)):
            raise RunFailed(f"none of {len(trials)} candidates could be scored{reason}")
        self._note_failures(trials, len(finite))
        front = pareto_front([self._told(trial).objectives for trial in trials]) if self.goals else []
        return SearchResult(
            best=max(finite, key=lambda trial: (self.sign * trial.score, -trial.index)),
            trials=trials,
            draws=draws,
            pareto=tuple(trials[i] for i in front),
            workers=self.section.workers,
            reasons={key: failure.reason for key, failure in journal.failures.items()},
        )

    def _journal(self) -> TrialJournal:
        directory = self.session.directory
        journal = TrialJournal(directory.file("trials.journal"))
        self.session.check_origin("trials.journal", journal.origin)
        with directory.storage_errors("trials.journal"):
            journal.note_origin(self.session.origin)
        return journal

    def _scored_again(self, journal: TrialJournal) -> set[str]:
        """Return the keys of the candidates that failed and are scored again: on request, or mended."""
        last = {trial.key: trial for trial in journal.trials}
        failed = {key for key, trial in last.items() if not math.isfinite(trial.score)}
        failures, origin = journal.failures, self.session.origin
        mended = {key for key in failed & set(failures) if failures[key].is_mended(origin)}
        again = failed if self.session.retry_failed else mended
        if again:
            why = "as asked for" if self.session.retry_failed else "what they failed by has changed"
            self.session.report.say(
                f"note: candidates that had failed are scored again, {why}: {len(again)}; the search is "
                "asked from the start and answered from its journal"
            )
        return again

    def _failure(self, scored: Scored) -> Failure | None:
        if math.isfinite(scored.trial.score):
            return None
        origin, plugin = self.session.origin, scored.plugin
        return Failure(
            reason=scored.reason,
            plugin=plugin,
            version=origin.versions.get(plugin, ""),
            content=origin.contents.get(plugin, ""),
        )

    def _note_failures(self, trials: Sequence[Trial], scored: int) -> None:
        """Note how many candidates each scorer has failed at."""
        found = [scored, *(sum(c.qualified in t.values for t in trials) for c in self.scorers[1:])]
        for component, count in zip(self.scorers, found, strict=True):
            if failed := len(trials) - count:
                self.session.note(
                    f"{title(component)} has no finite score for {failed} of {len(trials)} candidates"
                )

    def _ask(self, asked: int) -> list[Genotype]:
        """Return what the strategy wants to know next; one that asks without end is stopped."""
        most, component = self.section.round_size, self.strategy_component
        with self.deciding:
            answer = self.strategy.ask(most)
            if not isinstance(answer, Iterable) or isinstance(answer, str | bytes | Mapping):
                refuse(component, f"a list of up to {most} genotypes", answer)
            genotypes = list(itertools.islice(answer, most + 1))
            if len(genotypes) > most:
                refuse(component, f"up to {most} genotypes, as many as it was asked for", genotypes)
            if asked + len(genotypes) > self.strategy.draws:
                said = f"{title(component)} asked for more candidates than its draws, {self.strategy.draws}"
                raise ComponentError(said, plugin=component.plugin)
            return [_plain(genotype) for genotype in genotypes]

    def _key(self, genotype: Genotype) -> str:
        with self.calls.running:
            key = self.space.key(genotype)
        if not isinstance(key, str):
            refuse(self.calls.root, "a text as the key of a genotype", key)
        return key

    @staticmethod
    def _new(genotypes: Any, keys: list[str], draws: Counter[str], known: dict[str, Trial]) -> list[Any]:
        """Count the draws of a round, and return what has to be scored."""
        jobs = []
        for genotype, key in zip(genotypes, keys, strict=True):
            if key not in draws and key not in known:
                jobs.append(Job(len(draws), genotype, key))
            draws[key] += 1
        return jobs

    def _told(self, trial: Trial) -> Trial:
        """Return the trial as a strategy sees it: higher is better."""
        score = self.sign * trial.score
        if not self.goals:
            return attrs.evolve(trial, score=score)
        others = (sign * trial.values.get(name, math.nan) for name, sign in self.goals.items())
        return attrs.evolve(trial, score=score, objectives=(score, *others))

    def _note(self, trials: Iterable[Trial], draws: Counter[str]) -> str:
        scores = [self.sign * trial.score for trial in _finite(trials)]
        return f"{len(draws)} distinct, best {self.sign * max(scores):.4g}" if scores else ""


def _finite(trials: Iterable[Trial]) -> list[Trial]:
    return [trial for trial in trials if math.isfinite(trial.score)]


def _plain(genotype: Genotype) -> Genotype:
    """Return the genotype as the journal will give it back."""
    return json.loads(json.dumps(genotype, allow_nan=False))
