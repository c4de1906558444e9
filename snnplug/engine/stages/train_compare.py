"""Networks that are trained as the run's own is, a row each: what a search was worth."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from snnplug.engine.stage import Stage, Work
from snnplug.errors import RecipeError
from snnplug.recipe.section import Table, uses_each
from snnplug.runs.comparison_records import DRAWN
from snnplug.seeds import derive_seed

if TYPE_CHECKING:
    from torch import nn

    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session
    from snnplug.recipe.recipe import Recipe
    from snnplug.runs.directory import RunDirectory

__all__ = ["TrainCompare", "TrainCompareSection"]

_at_least_0: Any = attrs.validators.ge(0)
_TRIES = 1000  # draws from a space that has hardly anything else


@attrs.frozen(kw_only=True)
class TrainCompareSection:
    """`[train.compare]`: networks that are trained alike, beside the one of the run.

    Attributes:
        random: candidates drawn by chance from the search's space.
        architectures: networks made by hand, a list of names or tables.
    """

    random: int = attrs.field(default=0, validator=_at_least_0)
    architectures: list[str | Table] = uses_each("architecture")


class TrainCompare(Stage):
    """Train the others, and measure all alike."""

    name = "train.compare"
    sections: ClassVar = {"train.compare": TrainCompareSection}

    @classmethod
    def wanted(cls, recipe: Recipe, network: bool) -> bool:
        """Whether there is anything to compare with."""
        section = recipe.sections.get(cls.name)
        return section is not None and bool(section.random or section.architectures)

    def check(self, parts: Parts, directory: RunDirectory | None = None) -> None:
        """Build every architecture, and refuse candidates without a search."""
        from snnplug.engine.online import check_online

        section = parts.plan.recipe.sections[self.name]
        if section.random and parts.space is None:
            raise RecipeError(
                [f"{self.name}.random: candidates are drawn from a search's space; add [search]"]
            )
        for _, network in self._by_hand(parts):
            check_online(parts, parts.plan.recipe.train, "train", network())

    def run(self, session: Session, work: Work) -> None:
        """Train one after the other, each from its own last checkpoint on, and write the comparison."""
        from snnplug.engine.rivals import Contest

        contest, number = Contest(session, work), 0
        for number, (how, network, genotype) in enumerate(self._rivals(session, work), 1):
            contest.train(f"{self.name}.{number}", how, network(), genotype)
        section = work.parts.plan.recipe.sections[self.name]
        if lacking := section.random + len(section.architectures) - number:
            session.note(f"{self.name}: {lacking} candidates fewer than asked for; the space has no others")
        if session.leads:
            work.records["comparison"] = contest.record()
            work.seconds[self.name] = contest.seconds

    def _rivals(self, session: Session, work: Work) -> Iterator[tuple[str, Any, Any]]:
        """Yield how each came to be, what builds it, and what it is, for its checkpoint."""
        parts = work.parts
        section, space = parts.plan.recipe.sections[self.name], parts.space
        if space is not None:
            for number, genotype in enumerate(_drawn(parts, space, work.genotype, section.random), 1):
                how = f"{DRAWN}{f' ({number})' if section.random > 1 else ''}"
                yield how, lambda g=genotype: parts.network(g, "train"), genotype
        for component, network in self._by_hand(parts):
            yield f"made by hand: {component.name}", network, component.to_dict()

    def _by_hand(self, parts: Parts) -> Iterator[tuple[Any, Any]]:
        for component in parts.plan.under(f"{self.name}.architectures").values():

            def network(component: Any = component) -> nn.Module:
                return parts.build(lambda: component.build(parts.task), "train")

            yield component, network


def _drawn(parts: Parts, space: Any, found: Any, count: int) -> Iterator[Any]:
    """Yield candidates within the search's limits, neither the one that was found nor drawn already."""
    rng = random.Random(derive_seed(parts.seed, "compared candidates"))
    with parts.calls.running:
        seen = {space.key(found)}
    left = count
    for _ in range(_TRIES):
        if not left:
            return
        with parts.calls.running:
            genotype = space.sample(rng)
            key = space.key(genotype)
        if key in seen:
            continue
        seen.add(key)
        if _within_limits(parts, genotype, key):
            left -= 1
            yield genotype


def _within_limits(parts: Parts, genotype: Any, key: str) -> bool:
    from snnplug.contracts import Candidate
    from snnplug.engine.scoring.beyond import beyond_limits

    def build(repeat: int = 0) -> nn.Module:
        return parts.network(genotype, "train")

    def batch(index: int, size: int) -> Any:
        raise NotImplementedError("sizes ask for no data")

    candidate = Candidate(genotype=genotype, key=key, build=build, batch=batch, seed=parts.seed)
    return not beyond_limits(parts.plan.recipe.search.limits, parts, candidate)
