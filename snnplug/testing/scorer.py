"""Conformance of scorers."""

from __future__ import annotations

import math
import random
from typing import ClassVar

import torch

from snnplug.contracts import Candidate, Genotype, Score, Scorer
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance
from snnplug.testing.candidates import TinySpace, tiny_candidate, tiny_neuron

__all__ = ["ScorerConformance"]


class ScorerConformance(Conformance):
    """Checks of a scorer: candidate to one float.

    The candidates are from `TinySpace`; override `candidate` for a scorer that needs more.

        class TestMine(ScorerConformance):
            name = "acme-scorers:mine"
            params = [{"batch_size": 8}]

    Attributes:
        genotypes: two genotypes that the scorer tells apart.
    """

    kind = "scorer"
    genotypes: ClassVar[tuple[Genotype, Genotype]] = (
        {"layers": ["conv3", "conv3"]},
        {"layers": ["conv1", "none"]},
    )

    def candidate(self, genotype: Genotype, seed: int = 0) -> Candidate:
        """Return a candidate of that genotype."""
        return tiny_candidate(genotype, seed=seed)

    def score(self, component: Component, genotype: Genotype, scorer: Scorer | None = None) -> float:
        """Return the score of a genotype, by default from a new scorer."""
        scorer = scorer or component.build()
        return Score.of(scorer(self.candidate(genotype))).value

    def test_score_is_a_finite_float(self, component: Component) -> None:
        """The score and its parts, if it names any, are Python floats, neither NaN nor infinite."""
        result = component.build()(self.candidate(self.genotypes[0]))
        numbers = [result.value, *result.parts.values()] if isinstance(result, Score) else [result]
        wrong = [number for number in numbers if not (type(number) is float and math.isfinite(number))]
        assert not wrong, (
            f"a score and its parts must be finite Python floats, got {wrong[0]!r}; take tensor.item(), and "
            "give a network that cannot be judged a low number, or raise an exception"
        )

    def test_equal_candidates_get_equal_scores(self, component: Component) -> None:
        """The score depends on the candidate alone, also with another state of the global generators."""
        first = self.score(component, self.genotypes[0])
        torch.rand(1)
        random.random()
        again = self.score(component, self.genotypes[0])
        assert again == first, (
            f"one candidate gets the scores {first} and {again}; draw from candidate.seed, as within "
            "snnplug.nn.seeded(candidate.seed)"
        )

    def test_order_does_not_matter(self, component: Component) -> None:
        """What was scored before leaves no trace in the next score."""
        one, other = self.genotypes
        scorer = component.build()
        self.score(component, other, scorer)
        after, alone = self.score(component, one, scorer), self.score(component, one)
        assert after == alone, (
            f"scored after another a candidate gets {after}, alone {alone}; keep nothing of a candidate on "
            "self"
        )

    def test_candidates_are_told_apart(self, component: Component) -> None:
        """A deep network and a shallow one do not get the same score."""
        one, other = self.genotypes
        scores = self.score(component, one), self.score(component, other)
        assert scores[0] != scores[1], (
            f"{one} and {other} get the same score {scores[0]}; set `genotypes` in the test class to two "
            "that the scorer means to tell apart, or override `candidate`"
        )

    def test_global_generators_are_left_as_found(self, component: Component) -> None:
        """torch's and Python's generators are where they were."""
        before, python = torch.get_rng_state(), random.getstate()
        self.score(component, self.genotypes[0])
        assert torch.equal(torch.get_rng_state(), before), (
            "scoring draws from torch's global generator; draw within snnplug.nn.seeded(candidate.seed)"
        )
        assert random.getstate() == python, (
            "scoring draws from Python's global generator; use random.Random(candidate.seed)"
        )

    def test_gradient_mode_is_left_as_found(self, component: Component) -> None:
        """Scoring switches gradients neither on nor off for those who come after."""
        for mode in (True, False):
            with torch.set_grad_enabled(mode):
                self.score(component, self.genotypes[0])
                assert torch.is_grad_enabled() is mode, (
                    f"gradients were {'on' if mode else 'off'} before scoring and are not after it; use "
                    "torch.no_grad() and torch.enable_grad() in a with statement"
                )

    def test_parameters_shaped_by_the_input_are_no_obstacle(self, component: Component) -> None:
        """A network whose neurons learn their initial potential is scored too."""
        space = TinySpace(neuron=tiny_neuron(learnable_start=True))
        scorer: Scorer = component.build()
        value = Score.of(scorer(tiny_candidate(space=space))).value
        assert math.isfinite(value), (
            f"a network whose neurons learn their initial potential gets the score {value}; it must be finite"
        )
