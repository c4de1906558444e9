"""The loop of a search: ask, score what is new, tell; every trial on the disk as soon as it is scored.

A search that was killed is continued by asking again from the start: the strategy draws
the same genotypes, and those in the journal are answered from it. The journal has one
writer, this process; candidates of one round may be scored by several.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
import statistics
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import attrs

from snnplug.contracts import Ask, Genotype, SearchSpace, Strategy, Trial
from snnplug.engine.references import jobs_of, references_of
from snnplug.engine.rungs import Rung
from snnplug.engine.scoring.evaluator import Job, Scored
from snnplug.engine.scoring.limits import Limits
from snnplug.engine.scoring.scorers import Scorers
from snnplug.engine.scoring.workers import scoring
from snnplug.engine.session import Session
from snnplug.errors import ComponentError, RunFailed
from snnplug.registry.contain import calling, refuse, title
from snnplug.runs.search_records import TrialRecord
from snnplug.statistics.pareto import pareto_front

__all__ = ["SearchResult", "Searcher"]

_GIVE_UP_AFTER = 5  # candidates that fail in a row from the start: the scorer cannot work here


@attrs.frozen(kw_only=True, slots=False)
class SearchResult:
    """What a search found.

    Attributes:
        best: the trial with the best score at the highest rung; the first one of equals.
        rungs: all of the search.
        pareto: where the recipe has objectives, the trials that no other beats in all of them
            and in the score; of the highest rung.
        workers: processes that scored.
        references: trials of networks made by hand, by name.
    """

    best: Trial
    rungs: tuple[Rung, ...]
    pareto: tuple[Trial, ...] = ()
    workers: int = 1
    references: Mapping[str, Trial] = attrs.field(factory=dict)

    @functools.cached_property
    def trials(self) -> tuple[tuple[Trial, ...], ...]:
        """All that were drawn, rung by rung, in the order in which they first were."""
        return tuple(rung.trials for rung in self.rungs)

    @property
    def evaluated(self) -> list[Trial]:
        """Those of the first rung that no limit has refused."""
        known = self.rungs[0].known
        return [trial for trial in self.trials[0] if not known.beyond(trial.key)]

    @property
    def seconds(self) -> float:
        """Time of scoring over all sessions of the run, divided among the workers."""
        return sum(trial.seconds for trials in self.trials for trial in trials) / self.workers

    @property
    def seconds_per_candidate(self) -> float:
        """Median time that one worker spent on the first score of one candidate."""
        return statistics.median(trial.seconds for trial in self.evaluated)

    def records(self, level: int) -> list[TrialRecord]:
        """Return the records of a rung."""
        return [self.rungs[level].record(trial) for trial in self.trials[level]]


class Searcher:
    """Runs or continues the search of a run directory.

    Args:
        session: of the run.
        strategy: at its start.
        scorers: the search's own and those that are recorded beside it; those of its rungs.
        goals: 1 for each of the recipe's objectives to be maximised, -1 for each to be minimised, by
            the name of its values.
    """

    def __init__(
        self, session: Session, strategy: Strategy, scorers: Scorers, goals: Mapping[str, float]
    ) -> None:
        self.session, self.strategy, self.scorers, self.goals = session, strategy, scorers, goals
        plan = session.parts.plan
        self.strategy_component, self.calls = plan["search.strategy"], session.parts.calls
        self.deciding = calling(
            self.strategy_component, "genotypes by ask, and results taken by tell", plan.used
        )
        self.section = session.parts.plan.recipe.search
        self.limits: Limits = self.section.limits
        assert session.parts.space is not None
        self.space: SearchSpace = session.parts.space
        self.references = references_of(session.parts)
        keys = {reference.key for reference in self.references.values()}
        self.first = Rung(session, 0, scorers.score, keys)
        above = (Rung(session, level, scorer) for level, scorer in enumerate(scorers.rungs, 1))
        self.rungs = (self.first, *above)
        self.known = self.first.known

    def run(self) -> SearchResult:
        """Search to the end.

        Raises:
            ComponentError: the strategy fails or asks for what it should not.
            RunFailed: no candidate could be scored, or a candidate's worker died twice.
        """
        session, section, known = self.session, self.section, self.known
        reason, resume = "", f"snnplug run --resume {session.directory.path}"
        parts, executor = session.parts, session.parts.plan.get("search.executor")
        with (
            scoring(parts, self.scorers, section.workers, resume, section.timeout, executor) as score,
            session.report.bar("search", self.strategy.draws) as bar,
        ):
            for _ in known.keep(score(jobs_of(self.references.values(), known))):
                bar.advance("references", 0)
            while asked := self._ask():
                jobs = self._new(asked)
                for scored in self._keep(score(jobs)):
                    if scored.reason and not scored.beyond:
                        reason = f"; one of them failed: {scored.reason}"
                    bar.advance(self.rungs[scored.trial.rung].note([scored.trial.key]))
                for rung in self.rungs:
                    keys = [key for ask, key in asked if ask.rung == rung.level]
                    new = sum(job.rung == rung.level for job in jobs)
                    if len(keys) > new:
                        bar.advance(rung.note(keys), len(keys) - new)
                with self.deciding:
                    self.strategy.tell([self._told(self.rungs[ask.rung].trial(key)) for ask, key in asked])
                self._give_up(reason)
        return self._result(reason)

    def _keep(self, scored: Iterable[Scored]) -> Iterator[Scored]:
        """Yield what is scored, each once it is in the journal of its rung."""
        for one in scored:
            yield from self.rungs[one.trial.rung].known.keep([one])

    def _give_up(self, reason: str) -> None:
        """End a search whose first candidates at a rung all have no score there."""
        for rung in self.rungs:
            tried = [] if math.isfinite(rung.best) else rung.scores(rung.draws)
            if len(tried) >= _GIVE_UP_AFTER:
                where = f" at rung {rung.level}" if rung.level else ""
                raise RunFailed(f"the first {len(tried)} candidates could not be scored{where}{reason}")

    def _result(self, reason: str) -> SearchResult:
        trials, draws = self.first.trials, self.first.draws
        if not trials:
            component = self.strategy_component
            said = f"{title(component)} asked for no candidate at all"
            raise ComponentError(said, plugin=component.plugin)
        beyond = {key: sizes for key in draws if (sizes := self.known.beyond(key))}
        found = [(rung, best) for rung in self.rungs if (best := rung.best_trial()) is not None]
        if not found:
            raise RunFailed(self._nothing_found(len(trials), beyond, reason))
        self._note_failures(trials, beyond)
        top, best = found[-1]
        above = top.trials
        front = pareto_front([self._told(trial).objectives for trial in above]) if self.goals else []
        return SearchResult(
            best=best,
            rungs=self.rungs,
            pareto=tuple(self._with_values(above[i]) for i in front),
            workers=self.section.workers,
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
        own = (title(self.first.scorer), len(_finite(trials)), len(trials))
        beside = [
            (
                title(scorer) if name == scorer.qualified else f"{title(scorer)} as {name}",
                sum(name in trial.values for trial in trials),
                len(trials),
            )
            for name, scorer in self.scorers.beside.items()
        ]
        above = [(title(rung.scorer), len(_finite(rung.trials)), len(rung.draws)) for rung in self.rungs[1:]]
        for said, count, of in (own, *beside, *above):
            if failed := of - count:
                self.session.note(f"{said} has no finite score for {failed} of {of} candidates")

    def _ask(self) -> list[tuple[Ask, str]]:
        """Return what the strategy wants to know next, with keys; one that asks without end is stopped."""
        most, component = self.section.round_size, self.strategy_component
        with self.deciding:
            answer = self.strategy.ask(most)
            if not isinstance(answer, Iterable) or isinstance(answer, str | bytes | Mapping):
                refuse(component, f"a list of up to {most} genotypes", answer)
            asked = list(itertools.islice(answer, most + 1))
            if len(asked) > most:
                refuse(component, f"up to {most} genotypes, as many as it was asked for", asked)
            before = sum(rung.draws.total() for rung in self.rungs)
            if before + len(asked) > self.strategy.draws:
                said = f"{title(component)} asked for more candidates than its draws, {self.strategy.draws}"
                raise ComponentError(said, plugin=component.plugin)
            asks = [Ask.of(one) for one in asked]
            asks = [attrs.evolve(ask, genotype=_plain(ask.genotype)) for ask in asks]
        return [(ask, self._key(ask.genotype)) for ask in asks]

    def _key(self, genotype: Genotype) -> str:
        with self.calls.running:
            key = self.space.key(genotype)
        if not isinstance(key, str):
            refuse(self.calls.root, "a text as the key of a genotype", key)
        return key

    def _new(self, asked: Iterable[tuple[Ask, str]]) -> list[Job]:
        """Count the draws of a round, and return what has to be scored."""
        jobs = []
        for ask, key in asked:
            if not isinstance(ask.rung, int) or not 0 <= ask.rung < len(self.rungs):
                refuse(self.strategy_component, f"a rung from 0 to {len(self.rungs) - 1}", ask)
            if ask.rung and not self._climbs(ask.rung, key):
                refuse(
                    self.strategy_component,
                    f"candidates for rung {ask.rung} that were told with a score at rung {ask.rung - 1}",
                    ask,
                )
            if (job := self.rungs[ask.rung].take(ask, key)) is not None:
                jobs.append(job)
        return jobs

    def _climbs(self, level: int, key: str) -> bool:
        """Whether a candidate has a score at the rung below one."""
        below = self.rungs[level - 1]
        return key in below.draws and key in below.known and math.isfinite(below.trial(key).score)

    def _told(self, trial: Trial) -> Trial:
        """Return the trial as a strategy sees it: higher is better."""
        score = self.rungs[trial.rung].sign * trial.score
        if not self.goals:
            return attrs.evolve(trial, score=score)
        values = self._with_values(trial).values
        others = (sign * values.get(name, math.nan) for name, sign in self.goals.items())
        return attrs.evolve(trial, score=score, objectives=(score, *others))

    def _with_values(self, trial: Trial) -> Trial:
        """Return a trial of any rung with the values that were recorded at the first."""
        return attrs.evolve(trial, values=self.known[trial.key].values) if trial.rung else trial


def _finite(trials: Iterable[Trial]) -> list[Trial]:
    return [trial for trial in trials if math.isfinite(trial.score)]


def _plain(genotype: Genotype) -> Genotype:
    """Return the genotype as the journal will give it back."""
    return json.loads(json.dumps(genotype, allow_nan=False))
