"""The search stage: a strategy asks for candidates of a space, a scorer says which is best.

The loop is in `snnplug.engine.searching`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

from snnplug.contracts import SearchSpace, Strategy
from snnplug.engine.stage import Stage, Work
from snnplug.errors import RecipeError
from snnplug.recipe.plan import Plan
from snnplug.recipe.section import Table, uses, uses_all, uses_names
from snnplug.registry.component import Component
from snnplug.runs.records import SearchRecord, TrialRecord
from snnplug.seeds import derive_seed

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.engine.searching import SearchResult
    from snnplug.engine.session import Session

__all__ = ["Search", "SearchSection"]

_at_least_1: Any = attrs.validators.ge(1)


@attrs.frozen(kw_only=True)
class SearchSection:
    """`[search]`: how an architecture is found.

    Attributes:
        space, strategy, scorer: tables.
        round_size: genotypes asked for at a time; a strategy that learns is told after each round.
        baselines: also record every installed baseline score of each candidate.
        objectives: scorers by name, "min" or "max" each: the search finds the trade-off between them
            and the score, and names the candidates that are best in it.
        workers: processes that score the candidates of a round; the result is the same with any number.
    """

    space: Table = uses("search_space")
    strategy: Table = uses("strategy")
    scorer: Table = uses("scorer")
    round_size: int = attrs.field(default=16, validator=_at_least_1)
    baselines: bool = uses_all("scorer", "baseline")
    objectives: dict[str, Literal["min", "max"]] = uses_names("scorer")
    workers: int = attrs.field(default=1, validator=_at_least_1)


class Search(Stage):
    """Find a genotype."""

    name = "search"
    sections: ClassVar = {"search": SearchSection}
    gives = "genotype"

    def check(self, parts: Parts) -> None:
        """Refuse objectives that repeat a scorer; build strategy and scorers once."""
        from snnplug.engine.scoring.evaluator import build_scorers

        problems = _repeated(parts.plan)
        if problems:
            raise RecipeError(problems)
        _strategy(parts)
        build_scorers(_scorers(parts.plan))

    def run(self, session: Session, work: Work) -> None:
        """Search in the leading process, and tell the others what was found."""
        if session.leads:
            from snnplug.engine.searching import Searcher

            parts = session.parts
            found = Searcher(session, _strategy(parts), _scorers(parts.plan), _goals(parts.plan)).run()
            assert parts.space is not None
            records = [
                TrialRecord.of(trial, found.draws[trial.key], found.reasons.get(trial.key))
                for trial in found.trials
            ]
            _write_trials(session, records)
            work.records["search"] = _record(found, parts.plan, parts.space)
            work.seconds[self.name] = found.seconds
            work.genotype = found.best.genotype
        work.genotype = session.share(work.genotype)


def _goals(plan: Plan) -> dict[str, float]:
    """Return 1 for each objective to maximise, -1 for each to minimise, by qualified name."""
    goals = plan.recipe.search.objectives
    return {
        component.qualified: 1.0 if goals[name] == "max" else -1.0
        for name, component in plan.under("search.objectives").items()
    }


def _scorers(plan: Plan) -> list[Component]:
    """Return the search's own scorer, then all others that are recorded."""
    others = (*plan.under("search.baselines").values(), *plan.under("search.objectives").values())
    return [plan["search.scorer"], *others]


def _repeated(plan: Plan) -> list[str]:
    seen = {plan["search.scorer"].qualified: "it is the scorer of the search already"}
    problems = []
    for name, component in plan.under("search.objectives").items():
        if component.qualified in seen:
            problems.append(f"search.objectives.{name}: {seen[component.qualified]}")
        seen.setdefault(component.qualified, "it is named twice")
    return problems


def _space(parts: Parts) -> SearchSpace:
    assert parts.space is not None
    return parts.space


def _strategy(parts: Parts) -> Strategy:
    seed = derive_seed(parts.seed, "strategy")
    strategy: Strategy = parts.plan["search.strategy"].build(_space(parts), seed)
    return strategy


def _write_trials(session: Session, records: list[TrialRecord]) -> None:
    from snnplug.runs.reading import to_plain

    session.directory.write_json("trials.json", [to_plain(record) for record in records])


def _record(result: SearchResult, plan: Plan, space: SearchSpace) -> SearchRecord:
    goals = {name: "max" if sign > 0 else "min" for name, sign in _goals(plan).items()}
    return SearchRecord(
        space=plan["search.space"].qualified,
        strategy=plan["search.strategy"].qualified,
        scorer=plan["search.scorer"].qualified,
        draws=result.draws.total(),
        distinct=len(result.draws),
        evaluated=len(result.trials),
        best=result.best.genotype,
        key=result.best.key,
        score=result.best.score,
        values=dict(result.best.values),
        objectives=goals,
        pareto=tuple(TrialRecord.of(trial) for trial in result.pareto),
        seconds=result.seconds,
        seconds_per_candidate=result.seconds_per_candidate,
        graph=space.graph(result.best.genotype),
    )
