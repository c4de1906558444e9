"""The search stage: a strategy asks for candidates of a space, a scorer says which is best.

The loop is in `snnplug.engine.searching`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from snnplug.contracts import Edge, Graph, SearchSpace, Strategy
from snnplug.engine.scoring.limits import Limits
from snnplug.engine.stage import Stage, Work
from snnplug.errors import ComponentError, ContractError, RecipeError
from snnplug.recipe.plan import Plan
from snnplug.recipe.section import (
    Goal,
    Table,
    goal_of,
    has_own_name,
    uses,
    uses_all,
    uses_each,
    uses_goals,
)
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, describe, is_text, refuse, title
from snnplug.runs.search_records import SearchRecord, TrialRecord
from snnplug.seeds import derive_seed, digest

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.engine.scoring.scorers import Scorers
    from snnplug.engine.searching import SearchResult
    from snnplug.engine.session import Session
    from snnplug.runs.directory import RunDirectory

__all__ = ["Search", "SearchSection", "inherits", "without_weights"]

_at_least_0: Any = attrs.validators.ge(0)
_at_least_1: Any = attrs.validators.ge(1)


@attrs.frozen(kw_only=True)
class SearchSection:
    """`[search]`: how an architecture is found.

    Attributes:
        space, strategy, scorer: tables.
        rungs: further scorers, each dearer than the one before, of candidates that the strategy chooses by
            what it was told; for a strategy that asks at so many rungs. The best at the last one is found.
        round_size: genotypes asked for at a time; a strategy that learns is told after each round.
        baselines: also record every installed baseline score of each candidate.
        objectives: scorers by name, "min" or "max" each, or a table of this `goal` and parameters, with `use`
            under a name of its own: the search finds the trade-off between them and the score, and names the
            candidates that are best in it.
        workers: processes that score the candidates of a round; the result is the same with any number.
        executor: table: what starts these processes, here or elsewhere; without it they are on this machine.
        timeout: seconds that a candidate may take, or 0 for as long as it needs; one that takes longer has
            no score. With a limit, a search depends on how fast the machine is.
        limits: table: what a candidate may have at most; one beyond it is refused before it is scored.
        references: genotypes by name, of networks made by hand: scored beside the search, never found by it.
    """

    space: Table = uses("search_space")
    strategy: Table = uses("strategy")
    scorer: Table = uses("scorer")
    rungs: list[str | Table] = uses_each("scorer")
    round_size: int = attrs.field(default=16, validator=_at_least_1)
    baselines: bool = uses_all("scorer", "baseline")
    objectives: dict[str, Goal | Table] = uses_goals("scorer")
    workers: int = attrs.field(default=1, validator=_at_least_1)
    executor: Table | None = uses("executor", default=None)
    timeout: float = attrs.field(default=0.0, validator=_at_least_0)
    limits: Limits = attrs.field(factory=Limits)
    references: dict[str, Any] = attrs.field(factory=dict)


class Search(Stage):
    """Find a genotype."""

    name = "search"
    sections: ClassVar = {"search": SearchSection}
    gives = "genotype"

    def check(self, parts: Parts, directory: RunDirectory | None = None) -> None:
        """Refuse objectives that repeat a scorer, and what workers could not import; build all once.

        A chip among the limits is asked about one network of the space.
        """
        from snnplug.engine.references import check_references
        from snnplug.engine.scoring.workers import check_scoring

        weightless = without_weights(_judging(parts.plan), parts)
        problems = [*_repeated(parts.plan), *weightless, *check_references(parts)]
        if problems:
            raise RecipeError(problems)
        _check_rungs(parts, _strategy(parts))
        if (chip := parts.plan.get("search.limits.chip")) is not None:
            from snnplug.engine.chips import fit_of, layers_of

            fit_of(chip, layers_of(parts, parts.example()))
        section = parts.plan.recipe.search
        executor = parts.plan.get("search.executor")
        check_scoring(parts, _scorers(parts.plan), section.workers, section.timeout, executor)

    def run(self, session: Session, work: Work) -> None:
        """Search in the leading process, and tell the others what was found."""
        if session.leads:
            from snnplug.engine.scoring.trainings import Trainings
            from snnplug.engine.searching import Searcher

            parts = session.parts
            plan = parts.plan
            trainings = Trainings(session.directory.path, session.origins, session.replaces)
            scorers = attrs.evolve(_scorers(plan), shared=work.shared, trainings=trainings)
            found = Searcher(session, _strategy(parts), scorers, _goals(plan)).run()
            assert parts.space is not None
            _write_trials(session, "trials.json", found.records(0))
            if above := [record for level in range(1, len(found.rungs)) for record in found.records(level)]:
                _write_trials(session, "rungs.json", above)
            graph = _graph(session, parts.space, found.best.genotype)
            work.records["search"] = _record(found, parts.plan, graph)
            work.seconds[self.name] = found.seconds
            work.genotype = found.best.genotype
        work.genotype = session.share(work.genotype)


def _objectives(plan: Plan) -> dict[str, tuple[Component, float]]:
    """Return each objective's scorer, and 1 to maximise or -1 to minimise it, by the name of its values."""
    given = plan.recipe.search.objectives
    return {
        name if has_own_name(given[name]) else component.qualified: (
            component,
            1.0 if goal_of(given[name]) == "max" else -1.0,
        )
        for name, component in plan.under("search.objectives").items()
    }


def _goals(plan: Plan) -> dict[str, float]:
    return {name: sign for name, (_, sign) in _objectives(plan).items()}


def _scorers(plan: Plan) -> Scorers:
    """Return the search's own scorer, all others that are recorded, and those of the rungs.

    A baseline that is an objective as well is scored once, with the objective's parameters; an objective
    under a name of its own stands beside it.
    """
    from snnplug.engine.scoring.scorers import Scorers

    baselines = {component.qualified: component for component in plan.under("search.baselines").values()}
    objectives = {name: component for name, (component, _) in _objectives(plan).items()}
    rungs = tuple(plan.under("search.rungs").values())
    return Scorers(plan["search.scorer"], {**baselines, **objectives}, rungs)


def _check_rungs(parts: Parts, strategy: Strategy) -> None:
    """Refuse a strategy that asks at another number of rungs than there are."""
    component, given = parts.plan["search.strategy"], len(parts.plan.under("search.rungs"))
    with calling(component, "rungs, a whole number of at least 1", parts.plan.used):
        rungs = getattr(strategy, "rungs", 1)
        if not isinstance(rungs, int) or isinstance(rungs, bool) or rungs < 1:
            raise ContractError(
                f"{title(component)} must have a whole number of at least 1 as rungs, got {describe(rungs)}"
            )
    if rungs == 1 + given:
        return
    if rungs == 1:
        said = f"strategy {component.name} asks for the score of search.scorer alone; leave search.rungs "
        said += "out, or choose a strategy that asks at rungs, such as one of successive halving"
    else:
        said = f"strategy {component.name} asks at {rungs - 1} rungs above the first, and search.rungs has "
        said += f"{given}; give as many scorers there, or set the strategy's parameters for {given}"
    raise RecipeError([f"search.rungs: {said}"])


def _repeated(plan: Plan) -> list[str]:
    """Return a line for each objective that is there already, or whose own name means something else."""
    given, problems = plan.recipe.search.objectives, []
    scorer, objectives = plan["search.scorer"], plan.under("search.objectives")
    named = [used for name, used in objectives.items() if not has_own_name(given[name])]
    taken = {used.name for used in (scorer, *plan.under("search.baselines").values(), *named)}
    seen = dict.fromkeys(_marks(scorer, own=False), "it is the scorer of the search already")
    for name, component in objectives.items():
        own = has_own_name(given[name])
        marks = _marks(component, own)
        if found := next((seen[mark] for mark in marks if mark in seen), None):
            problems.append(f"search.objectives.{name}: {found}")
        elif own and (":" in name or name in taken):
            problems.append(
                f"search.objectives.{name}: beside 'use' a name has no ':' and is no scorer's; choose another"
            )
        seen |= dict.fromkeys(marks, "it is named twice")
    return problems


def _marks(component: Component, own: bool) -> list[str]:
    """Return what another use of a scorer may not share: its parameters, and without an own name its name."""
    parameters = digest(component.to_dict())
    return [parameters] if own else [component.qualified, parameters]


def _judging(plan: Plan) -> dict[str, Component]:
    """Return the scorers that the search goes by, by their keys."""
    others = {
        f"{key}.{name}": used
        for key in ("search.rungs", "search.objectives")
        for name, used in plan.under(key).items()
    }
    return {"search.scorer": plan["search.scorer"], **others}


def inherits(scorer: Component) -> bool:
    """Whether a scorer looks at inherited weights."""
    return bool(getattr(scorer.spec, "inherits", False))


def without_weights(named: Mapping[str, Component], parts: Parts) -> list[str]:
    """Return a line for each scorer, by key, that looks at inherited weights where there are none."""
    plan, problems = parts.plan, []
    trained, val = plan.recipe.sections.get("search.supernet"), parts.splits.val
    for key, component in named.items():
        if not inherits(component):
            continue
        if trained is None:
            problems.append(f"{key}: {component.name} looks at inherited weights; add [search.supernet]")
        elif val is None or not len(val):
            problems.append(
                f"{key}: {component.name} looks at held-out data, and dataset "
                f"{plan['dataset'].qualified} has no validation split"
            )
    return problems


def _space(parts: Parts) -> SearchSpace:
    assert parts.space is not None
    return parts.space


def _strategy(parts: Parts) -> Strategy:
    seed = derive_seed(parts.seed, "strategy")
    component = parts.plan["search.strategy"]
    strategy: Strategy = component.build(_space(parts), seed)
    with calling(component, "a strategy with ask, tell and draws", parts.plan.used):
        if lacking := [name for name in ("ask", "tell") if not callable(getattr(strategy, name, None))]:
            raise ContractError(f"{title(component)} must have the methods {', '.join(lacking)}")
        draws = getattr(strategy, "draws", None)
        if not isinstance(draws, int) or isinstance(draws, bool) or draws < 1:
            raise ContractError(
                f"{title(component)} must have a whole number as draws, got {describe(draws)}"
            )
    return strategy


def _write_trials(session: Session, name: str, records: list[TrialRecord]) -> None:
    from snnplug.runs.reading import to_plain

    session.directory.write_json(name, [to_plain(record) for record in records])


def _graph(session: Session, space: SearchSpace, genotype: Any) -> Graph | None:
    """Return what the report draws; without it there is a result all the same."""
    component, wanted = session.parts.plan["search.space"], "a snnplug.Graph of texts for the report to draw"
    try:
        with calling(component, wanted, session.parts.plan.used):
            graph: Any = space.graph(genotype)
            if not _drawable(graph):
                refuse(component, wanted, graph)
            return Graph(nodes=tuple(graph.nodes), edges=tuple(graph.edges))
    except ComponentError as error:
        session.note(f"the cell is not drawn: {error}", error.details)
        return None


def _drawable(graph: Any) -> bool:
    if not isinstance(graph, Graph) or not all(
        isinstance(p, tuple | list) for p in (graph.nodes, graph.edges)
    ):
        return False
    texts = [*graph.nodes]
    for edge in graph.edges:
        if not isinstance(edge, Edge) or not {edge.source, edge.target} <= {*graph.nodes}:
            return False
        texts.append(edge.label)
    return all(map(is_text, texts))


def _record(result: SearchResult, plan: Plan, graph: Graph | None) -> SearchRecord:
    from snnplug.engine.rungs import rung_record

    goals = {name: "max" if sign > 0 else "min" for name, sign in _goals(plan).items()}
    rung = result.rungs[0]
    first, evaluated = rung.trial(result.best.key), len(result.evaluated)
    return SearchRecord(
        space=plan["search.space"].qualified,
        strategy=plan["search.strategy"].qualified,
        scorer=plan["search.scorer"].qualified,
        draws=rung.draws.total(),
        distinct=len(rung.draws),
        evaluated=evaluated,
        refused=len(rung.draws) - evaluated if plan.recipe.search.limits.any else None,
        best=result.best.genotype,
        key=result.best.key,
        score=first.score,
        values=dict(first.values),
        objectives=goals,
        pareto=tuple(TrialRecord.of(trial) for trial in result.pareto),
        references={
            name: attrs.evolve(rung.record(trial), index=None) for name, trial in result.references.items()
        },
        seconds=result.seconds,
        seconds_per_candidate=result.seconds_per_candidate,
        graph=graph,
        rungs=tuple(rung_record(above, below) for below, above in itertools.pairwise(result.rungs)),
        higher_is_better=rung.sign > 0,
    )
