"""Conformance of search strategies."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any, ClassVar

import attrs
import pytest

from snnplug.contracts import Ask, Genotype, Strategy, Trial
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
        draws: how many genotypes are asked for, at the first rung.
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

    def search(self, strategy: Strategy, chunk: int, limit: int | None = None) -> list[Ask]:
        """Ask for chunks and tell the scores until the strategy or the limit ends it."""
        space, asked = self.space(), list[Ask]()
        told = {(-1, "")}
        while limit is None or len(asked) < limit:
            found = [Ask.of(one) for one in strategy.ask(chunk)]
            assert len(found) <= chunk, (
                f"ask({chunk}) returned {len(found)} genotypes; return up to n, fewer at the end"
            )
            if not found:
                break
            self._check_rungs(strategy, space, found, told)
            trials = self._trials(space, found, len(asked))
            strategy.tell(trials)
            told |= {(trial.rung, trial.key) for trial in trials}
            asked += found
            assert len(asked) <= 10 * strategy.draws, (
                f"the strategy does not end: {len(asked)} genotypes asked for with draws = {self.draws}; "
                "count what is asked, and return none when it is finished"
            )
        return asked

    def check_number(self, everything: Sequence[Ask]) -> None:
        """Assert that as many genotypes were asked for as declared, or all that the space has."""
        asked = [ask.genotype for ask in everything if not ask.rung]
        assert len(asked) <= self.draws, f"{len(asked)} genotypes were asked for with draws = {self.draws}"
        assert len(asked) == self.draws or self.is_exhausted(asked), (
            f"{len(asked)} genotypes were asked for with draws = {self.draws}, though the space has more; go "
            "on to the end, also where scores are NaN"
        )

    def is_exhausted(self, asked: Sequence[Genotype]) -> bool:
        """Whether there is nothing left to draw from the space but what was asked for."""
        space, rng = self.space(), random.Random(0)
        known = {space.key(genotype) for genotype in asked}
        return all(space.key(space.sample(rng)) in known for _ in range(200))

    def _trials(self, space: Any, asked: Sequence[Ask], start: int) -> list[Trial]:
        return [
            Trial(
                index=start + i,
                genotype=ask.genotype,
                key=space.key(ask.genotype),
                score=(self.score(ask.genotype) * (1 + ask.rung) ** 2) % 1.0,  # the rungs do not agree
                rung=ask.rung,
            )
            for i, ask in enumerate(asked)
        ]

    def _check_rungs(
        self, strategy: Strategy, space: Any, asked: Sequence[Ask], told: set[tuple[int, str]]
    ) -> None:
        rungs = getattr(strategy, "rungs", 1)
        for ask in asked:
            assert 0 <= ask.rung < rungs, (
                f"asked for at rung {ask.rung}, with rungs = {rungs}; set self.rungs to the number of scores"
            )
            assert not ask.rung or (ask.rung - 1, space.key(ask.genotype)) in told, (
                f"{ask.genotype!r} is asked for at rung {ask.rung} and was not told at rung {ask.rung - 1}; "
                "ask for the score there first"
            )

    @pytest.mark.parametrize("chunk", [1, 5])
    def test_ends_after_its_draws(self, component: Component, chunk: int) -> None:
        """It asks for `draws` genotypes, fewer only if the space has no new one, then for none."""
        strategy = self.build(component)
        assert strategy.draws == self.draws or getattr(strategy, "rungs", 1) > 1, (
            f"built with draws = {self.draws} it says draws = {strategy.draws}; set self.draws from the "
            "parameter"
        )
        asked = self.search(strategy, chunk)
        self.check_number(asked)
        assert len(asked) <= strategy.draws, (
            f"{len(asked)} asked for over all rungs, with draws = {strategy.draws}; set self.draws to their "
            "sum"
        )
        assert not strategy.ask(chunk), "once it has returned none, `ask` returns more; it must stay finished"

    def test_genotypes_are_of_the_space(self, component: Component) -> None:
        """Everything asked for is plain JSON and builds."""
        space = self.space()
        for genotype in (ask.genotype for ask in self.search(self.build(component), 4)):
            back = json.loads(json.dumps(genotype))
            assert back == genotype, (
                f"the genotype {genotype!r} comes back from JSON as {back!r}; ask the space for it"
            )
            space.build(genotype)

    def test_same_seed_asks_the_same(self, component: Component) -> None:
        """A search that is repeated, or continued from its journal, asks for the same genotypes."""
        first = self.search(self.build(component), 3)
        random.random()
        assert self.search(self.build(component), 3) == first, (
            "two searches of one seed ask for different genotypes; draw number n from "
            "random.Random(snnplug.derive_seed(seed, 'draw', n))"
        )

    def test_other_seed_asks_for_others(self, component: Component) -> None:
        """The seed matters."""
        if not self.drawn:
            pytest.skip("nothing is drawn")
        searches = [self.search(self.build(component, seed), 3) for seed in range(4)]
        assert any(search != searches[0] for search in searches), (
            "four seeds ask for the same genotypes; draw from the seed, or set drawn = False in the test "
            "class where nothing is drawn"
        )

    def test_killed_search_goes_on_as_if_it_had_not_been(self, component: Component) -> None:
        """Asking from the start again after a kill gives what was asked, then what would have come."""
        whole = self.search(self.build(component), 3)
        killed = self.search(self.build(component), 3, limit=6)
        assert whole[: len(killed)] == killed, (
            "asked again from the start it does not begin with what it asked before; let the n-th draw "
            "depend on the seed, on n and on what was told alone"
        )

    def test_scores_may_be_missing(self, component: Component) -> None:
        """A failed candidate, told as NaN, does not stop the search."""
        strategy, asked, space = self.build(component), list[Ask](), self.space()
        while found := [Ask.of(one) for one in strategy.ask(3)]:
            failed = [attrs.evolve(trial, score=float("nan")) for trial in self._trials(space, found, 0)]
            strategy.tell(failed)
            asked += found
            assert len(asked) <= self.draws, f"more than draws = {self.draws} genotypes were asked for"
        self.check_number(asked)

    def test_chunks_do_not_matter(self, component: Component) -> None:
        """Untold, the n-th draw depends only on the seed and n: one worker or many ask the same."""
        if self.adaptive:
            pytest.skip("depends on results")
        sequences = []
        for chunk in (1, 3, self.draws):
            strategy, asked = self.build(component), list[Ask]()
            while found := [Ask.of(one) for one in strategy.ask(chunk)]:
                asked += found
            sequences.append(asked)
        assert sequences[0] == sequences[1] == sequences[2], (
            f"asked for 1, 3 or {self.draws} at a time it draws different genotypes; draw number n from "
            "snnplug.derive_seed(seed, 'draw', n), or set adaptive = True in the test class where draws "
            "follow results"
        )

    def test_more_draws_begin_with_the_same(self, component: Component) -> None:
        """A longer search begins with the shorter one."""
        if self.adaptive:
            pytest.skip("depends on results")
        short = self.search(self.build(component, draws=4), 2)
        assert self.search(self.build(component), 2)[:4] == short, (
            f"a search of {self.draws} draws does not begin with that of 4; let no draw depend on their "
            "number, or set adaptive = True in the test class"
        )

    def test_global_generator_is_left_alone(self, component: Component) -> None:
        """It draws nothing from Python's global generator."""
        before = random.getstate()
        self.search(self.build(component), 3)
        assert random.getstate() == before, (
            "it draws from Python's global generator; use random.Random(snnplug.derive_seed(seed, 'draw', n))"
        )
