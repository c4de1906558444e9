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
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs

from snnplug.contracts import Genotype, SearchSpace, Strategy, Trial
from snnplug.engine.references import jobs_of, references_of
from snnplug.engine.scoring.evaluator import Job
from snnplug.engine.scoring.limits import Limits
from snnplug.engine.scoring.workers import scoring
from snnplug.engine.session import Session
from snnplug.engine.supernet import Shared
from snnplug.engine.trials import Trials
from snnplug.errors import ComponentError, RunFailed
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, refuse, title
from snnplug.registry.kinds import ScorerSpec
from snnplug.runs.journal import Failure
from snnplug.runs.records import TrialRecord
from snnplug.statistics.pareto import pareto_front

__all__ = ["SearchResult", "Searcher"]

_GIVE_UP_AFTER = 5  # candidates that fail in a row from the start: the scorer cannot work here


@attrs.frozen(kw_only=True)
class SearchResult:
    """What a search found.

    Attributes:
        best: the trial with the best score; the first one of equals.
        trials: all that were drawn, in the order in which they first were.
        draws: genotypes asked for, by key.
        pareto: where the recipe has objectives, the trials that no other beats in all of them
            and in the score.
        workers: processes that scored.
        failures: why candidates have no score or were refused, by key, as far as it was recorded.
        references: trials of networks made by hand, by name.
    """

    best: Trial
    trials: tuple[Trial, ...]
    draws: Counter[str]
    pareto: tuple[Trial, ...] = ()
    workers: int = 1
    failures: Mapping[str, Failure] = attrs.field(factory=dict)
    references: Mapping[str, Trial] = attrs.field(factory=dict)

    @property
    def evaluated(self) -> list[Trial]:
        """Those of the trials that no limit has refused."""
        return [trial for trial in self.trials if not self._failure(trial).beyond]

    @property
    def seconds(self) -> float:
        """Time of scoring over all sessions of the run, divided among the workers."""
        return sum(trial.seconds for trial in self.trials) / self.workers

    @property
    def seconds_per_candidate(self) -> float:
        """Median time that one worker spent on one candidate."""
        return statistics.median(trial.seconds for trial in self.evaluated)

    def record(self, trial: Trial) -> TrialRecord:
        """Return the record of a trial, or of a reference."""
        failure = self._failure(trial)
        reason = None if math.isfinite(trial.score) else failure.reason or None
        return TrialRecord.of(trial, self.draws[trial.key], reason, failure.beyond)

    def _failure(self, trial: Trial) -> Failure:
        return self.failures.get(trial.key, Failure())


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
        self.limits: Limits = self.section.limits
        own = scorers[0].spec
        assert isinstance(own, ScorerSpec) and session.parts.space is not None
        self.sign = 1.0 if own.higher_is_better else -1.0
        self.space: SearchSpace = session.parts.space
        self.references = references_of(session.parts)
        self.known = Trials(session, {reference.key for reference in self.references.values()})
        self.genotypes: dict[str, Genotype] = {}  # of what was drawn, as it first was
        self.best = -math.inf  # score so far, for the bar

    def run(self) -> SearchResult:
        """Search to the end.

        Raises:
            ComponentError: the strategy fails or asks for what it should not.
            RunFailed: no candidate could be scored, or a candidate's worker died twice.
        """
        session, strategy, section, known = self.session, self.strategy, self.section, self.known
        draws: Counter[str] = Counter()
        reason, resume = "", f"snnplug run --resume {session.directory.path}"
        with (
            scoring(
                session.parts, self.scorers, section.workers, resume, section.timeout, self.shared
            ) as score,
            session.report.bar("search", strategy.draws) as bar,
        ):
            for _ in known.keep(score(jobs_of(self.references.values(), known))):
                bar.advance("references", 0)
            while genotypes := self._ask(draws.total()):
                keys = [self._key(genotype) for genotype in genotypes]
                jobs = self._new(genotypes, keys, draws)
                for scored in known.keep(score(jobs)):
                    if scored.reason and not scored.beyond:
                        reason = f"; one of them failed: {scored.reason}"
                    bar.advance(self._note(draws, [scored.trial.key]))
                bar.advance(self._note(draws, keys), len(keys) - len(jobs))
                with self.deciding:
                    strategy.tell([self._told(self._drawn(key)) for key in keys])
                tried = self._scores(draws)
                if len(tried) >= _GIVE_UP_AFTER and not any(map(math.isfinite, tried)):
                    raise RunFailed(f"the first {len(tried)} candidates could not be scored{reason}")
        trials = tuple(attrs.evolve(self._drawn(key), index=index) for index, key in enumerate(draws))
        if not trials:
            component = self.strategy_component
            said = f"{title(component)} asked for no candidate at all"
            raise ComponentError(said, plugin=component.plugin)
        beyond = {key: sizes for key in draws if (sizes := known.beyond(key))}
        if not (finite := _finite(trials)):
            raise RunFailed(self._nothing_found(len(trials), beyond, reason))
        self._note_failures(trials, beyond)
        front = pareto_front([self._told(trial).objectives for trial in trials]) if self.goals else []
        return SearchResult(
            best=max(finite, key=lambda trial: (self.sign * trial.score, -trial.index)),
            trials=trials,
            draws=draws,
            pareto=tuple(trials[i] for i in front),
            workers=self.section.workers,
            failures=known.failures,
            references=self._scored_references(),
        )

    def _nothing_found(self, drawn: int, beyond: Mapping[str, Mapping[str, float]], reason: str) -> str:
        """Return why no candidate has a score."""
        if len(beyond) == drawn:
            return self.limits.all_refused(beyond.values())
        aside = f", {len(beyond)} others were refused by search.limits" if beyond else ""
        return f"none of {drawn - len(beyond)} candidates could be scored{aside}{reason}"

    def _scored_references(self) -> dict[str, Trial]:
        """Return the trials of the references, and note those without a score."""
        found = {}
        for name, reference in self.references.items():
            trial = found[name] = attrs.evolve(self.known[reference.key], genotype=reference.genotype)
            if not math.isfinite(trial.score):
                why = self.known.failures[trial.key].reason
                self.session.note(f"search.references.{name} has no score: {why}")
        return found

    def _note_failures(self, drawn: Sequence[Trial], beyond: Collection[str]) -> None:
        """Note how many candidates a limit has refused, and at how many others each scorer has failed."""
        trials = [trial for trial in drawn if trial.key not in beyond]
        if beyond:
            self.session.note(f"search.limits refused {len(beyond)} of {len(drawn)} candidates")
        others = (sum(c.qualified in t.values for t in trials) for c in self.scorers[1:])
        for component, count in zip(self.scorers, [len(_finite(trials)), *others], strict=True):
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

    def _new(self, genotypes: Any, keys: list[str], draws: Counter[str]) -> list[Any]:
        """Count the draws of a round, and return what has to be scored."""
        jobs = []
        for genotype, key in zip(genotypes, keys, strict=True):
            if key not in draws and key not in self.known:
                jobs.append(Job(len(draws), genotype, key))
            self.genotypes.setdefault(key, genotype)
            draws[key] += 1
        return jobs

    def _drawn(self, key: str) -> Trial:
        """Return the trial of a drawn candidate: a reference that a limit refuses has no score as such."""
        trial = attrs.evolve(self.known[key], genotype=self.genotypes[key])
        return attrs.evolve(trial, score=math.nan, values={}, parts={}) if self.known.beyond(key) else trial

    def _scores(self, draws: Iterable[str]) -> list[float]:
        """Return the scores of what was drawn, as far as they are known and no limit refuses it."""
        known = self.known
        return [known[key].score for key in draws if key in known and not known.beyond(key)]

    def _told(self, trial: Trial) -> Trial:
        """Return the trial as a strategy sees it: higher is better."""
        score = self.sign * trial.score
        if not self.goals:
            return attrs.evolve(trial, score=score)
        others = (sign * trial.values.get(name, math.nan) for name, sign in self.goals.items())
        return attrs.evolve(trial, score=score, objectives=(score, *others))

    def _note(self, draws: Counter[str], keys: Iterable[str]) -> str:
        """Return what the bar shows, with candidates that are new to it."""
        scores = [self.sign * score for score in self._scores(keys) if math.isfinite(score)]
        self.best = max([self.best, *scores])
        best = f", best {self.sign * self.best:.4g}" if math.isfinite(self.best) else ""
        return f"{len(draws)} distinct{best}"


def _finite(trials: Iterable[Trial]) -> list[Trial]:
    return [trial for trial in trials if math.isfinite(trial.score)]


def _plain(genotype: Genotype) -> Genotype:
    """Return the genotype as the journal will give it back."""
    return json.loads(json.dumps(genotype, allow_nan=False))
