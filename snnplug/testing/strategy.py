"""Conformance of search strategies."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from snnplug.contracts import Genotype, Strategy, Trial
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance
from snnplug.testing.candidates import TinySpace

__all__ = ["StrategyConformance"]


class StrategyConformance(Conformance):
    """Checks of a strategy: what it asks for, and that it can be continued after a kill.

        class TestClimb(StrategyConformance):
            name = "acme-strategies:climb"
            params = [{"patience": 4}]
            adaptive = True

    Attributes:
        draws: how many genotypes are asked for.
        adaptive: the next draws depend on the results of those before.
        drawn: draws depend on the seed.
    """

    kind = "strategy"
    draws: ClassVar[int] = 12
    adaptive: ClassVar[bool] = False
    drawn: ClassVar[bool] = True

    def space(self) -> Any:
        """Return the space that is searched."""
        return TinySpace()

    def build(self, component: Component, seed: int = 0, draws: int | None = None) -> Strategy:
        """Return the strategy at its start."""
        strategy: Strategy = component.build(self.space(), seed, draws=draws or self.draws)
        return strategy

    def score(self, genotype: Genotype) -> float:
        """Return a score that depends on the genotype alone."""
        return int(self.space().key(genotype)[:8], 16) / 2**32

    def search(self, strategy: Strategy, chunk: int, limit: int | None = None) -> list[Genotype]:
        """Ask for chunks and tell the scores until the strategy or the limit ends it."""
        space, asked = self.space(), list[Genotype]()
        while limit is None or len(asked) < limit:
            genotypes = strategy.ask(chunk)
            assert len(genotypes) <= chunk
            if not genotypes:
                break
            strategy.tell(self._trials(space, genotypes, len(asked)))
            asked += genotypes
            assert len(asked) <= 10 * self.draws, "the strategy does not end"
        return asked

    def is_exhausted(self, asked: Sequence[Genotype]) -> bool:
        """Whether there is nothing left to draw from the space but what was asked for."""
        space, rng = self.space(), random.Random(0)
        known = {space.key(genotype) for genotype in asked}
        return all(space.key(space.sample(rng)) in known for _ in range(200))

    def _trials(self, space: Any, genotypes: Sequence[Genotype], start: int) -> list[Trial]:
        return [
            Trial(index=start + i, genotype=g, key=space.key(g), score=self.score(g))
            for i, g in enumerate(genotypes)
        ]

    @pytest.mark.parametrize("chunk", [1, 5])
    def test_ends_after_its_draws(self, component: Component, chunk: int) -> None:
        """It asks for `draws` genotypes, fewer only if the space has no new one, then for none."""
        strategy = self.build(component)
        assert strategy.draws == self.draws
        asked = self.search(strategy, chunk)
        assert len(asked) <= self.draws
        assert len(asked) == self.draws or self.is_exhausted(asked)
        assert not strategy.ask(chunk)

    def test_genotypes_are_of_the_space(self, component: Component) -> None:
        """Everything asked for is plain JSON and builds."""
        space = self.space()
        for genotype in self.search(self.build(component), 4):
            assert json.loads(json.dumps(genotype)) == genotype
            space.build(genotype)

    def test_same_seed_asks_the_same(self, component: Component) -> None:
        """A search that is repeated, or continued from its journal, asks for the same genotypes."""
        first = self.search(self.build(component), 3)
        random.random()
        assert self.search(self.build(component), 3) == first

    def test_other_seed_asks_for_others(self, component: Component) -> None:
        """The seed matters."""
        if not self.drawn:
            pytest.skip("nothing is drawn")
        searches = [self.search(self.build(component, seed), 3) for seed in range(4)]
        assert any(search != searches[0] for search in searches)

    def test_killed_search_goes_on_as_if_it_had_not_been(self, component: Component) -> None:
        """Asking from the start again after a kill gives what was asked, then what would have come."""
        whole = self.search(self.build(component), 3)
        killed = self.search(self.build(component), 3, limit=6)
        assert whole[: len(killed)] == killed

    def test_scores_may_be_missing(self, component: Component) -> None:
        """A failed candidate, told as NaN, does not stop the search."""
        strategy, asked, space = self.build(component), list[Genotype](), self.space()
        while genotypes := strategy.ask(3):
            failed = [Trial(index=0, genotype=g, key=space.key(g), score=float("nan")) for g in genotypes]
            strategy.tell(failed)
            asked += genotypes
            assert len(asked) <= self.draws
        assert len(asked) == self.draws or self.is_exhausted(asked)

    def test_chunks_do_not_matter(self, component: Component) -> None:
        """Untold, the n-th draw depends only on the seed and n: one worker or many ask the same."""
        if self.adaptive:
            pytest.skip("depends on results")
        sequences = []
        for chunk in (1, 3, self.draws):
            strategy, asked = self.build(component), list[Genotype]()
            while genotypes := strategy.ask(chunk):
                asked += genotypes
            sequences.append(asked)
        assert sequences[0] == sequences[1] == sequences[2]

    def test_more_draws_begin_with_the_same(self, component: Component) -> None:
        """A longer search begins with the shorter one."""
        if self.adaptive:
            pytest.skip("depends on results")
        short = self.search(self.build(component, draws=4), 2)
        assert self.search(self.build(component), 2)[:4] == short

    def test_global_generator_is_left_alone(self, component: Component) -> None:
        """It draws nothing from Python's global generator."""
        before = random.getstate()
        self.search(self.build(component), 3)
        assert random.getstate() == before
