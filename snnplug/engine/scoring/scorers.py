"""What the candidates of a search are scored by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from snnplug.contracts import Candidate
from snnplug.engine.parts import Parts
from snnplug.engine.scoring.trainings import Trainings
from snnplug.engine.supernet import Shared
from snnplug.errors import ContractError, RecipeError
from snnplug.registry.component import Component
from snnplug.registry.contain import describe, title

__all__ = ["Scorers", "build_scorers", "check_epochs"]


@attrs.frozen
class Scorers:
    """Scorers, and what they need beside the parts of the run.

    Attributes:
        score: the one that gives the score.
        beside: those whose values are recorded beside it, by the names of the values.
        rungs: those of the rungs above, each of which scores some of the candidates.
        shared: weights that candidates inherit; None without a supernet.
        trainings: how candidates are trained; None where they are not.
    """

    score: Component
    beside: Mapping[str, Component] = attrs.field(factory=dict)
    rungs: tuple[Component, ...] = ()
    shared: Shared | None = None
    trainings: Trainings | None = None

    @property
    def first(self) -> tuple[Component, ...]:
        """Those of the first rung, which score all candidates."""
        return (self.score, *self.beside.values())


def build_scorers(components: Sequence[Component]) -> list[Callable[[Candidate], float]]:
    """Build scorers.

    Raises:
        ContractError: one is not callable.
        ParameterError: a parameter is out of range.
    """
    built = [component.build() for component in components]
    for component, scorer in zip(components, built, strict=True):
        if not callable(scorer):
            raise ContractError(f"{title(component)} is not callable: it is {describe(scorer)}")
    return built


def check_epochs(parts: Parts, scorers: Scorers) -> None:
    """Build all once, and refuse those that train candidates where the recipe trains nothing, or less.

    Raises:
        ContractError: one is not callable.
        RecipeError: the recipe has no [train], or fewer epochs than one of them trains; or one trains in a
            space with parameters that it does not have.
    """
    components = (*scorers.first, *scorers.rungs)
    section, problems = parts.plan.recipe.train, []
    given = section is not None and (section.weights or section.start != "scratch")
    for component, scorer in zip(components, build_scorers(components), strict=True):
        epochs = getattr(scorer, "trains", 0)
        where = component.key or component.name
        if epochs and (section is None or section.from_):
            problems.append(f"{where}: {component.name} trains candidates as [train] says; add [train]")
        elif epochs and epochs > section.epochs:
            problems.append(
                f"{where}: {component.name} trains candidates for {epochs} epochs, and train.epochs is "
                f"{section.epochs}; train fewer epochs here, or more there"
            )
        elif epochs and given:
            problems.append(
                f"{where}: {component.name} trains candidates from new weights; leave train.weights and "
                "train.start out"
            )
        elif epochs and (other := parts.plan.with_space(getattr(scorer, "space", {})).space) is not None:
            problems += other.check(f"{where}.space")
    if problems:
        raise RecipeError(problems)
