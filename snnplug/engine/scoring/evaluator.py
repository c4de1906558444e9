"""The score of one candidate, the same in every process.

Networks, batches and every other draw are seeded by the run and the candidate, and scoring
uses one thread: the order of a sum, and with it the last bits of a score, would otherwise
depend on how many cores there are. More cores are used by more worker processes.
"""

from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import torch
from torch import Tensor

from snnplug.contracts import Candidate, Genotype, SearchSpace, Trial
from snnplug.engine.data import order
from snnplug.engine.setup import Setup
from snnplug.errors import ContractError, SnnplugError
from snnplug.nn import seeded
from snnplug.seeds import derive_seed

__all__ = ["Evaluator", "Job", "Scored", "one_thread"]


@attrs.frozen
class Job:
    """A candidate to score: its position among the different ones drawn, genotype and key."""

    index: int
    genotype: Genotype
    key: str


@attrs.frozen
class Scored:
    """A scored candidate, and why it has no score if it has none."""

    trial: Trial
    reason: str = ""


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Evaluator:
    """Scores candidates of a run.

    Args:
        setup: the run's.
        space: builds the networks.

    Raises:
        ContractError: a scorer is not callable.
    """

    def __init__(self, setup: Setup, space: SearchSpace) -> None:
        self.setup, self.space = setup, space
        plan = setup.plan
        assert plan.scorer is not None
        self.score = self._scorer(plan.scorer)
        recorded = (*plan.baselines, *(objective.component for objective in plan.objectives))
        self.recorded = {c.qualified: self._scorer(c) for c in recorded}
        self.batch = functools.lru_cache(maxsize=8)(self._batch)
        self.shuffled = order(len(setup.splits.train), derive_seed(setup.seed, "search batches"))

    def _scorer(self, component: Any) -> Callable[[Candidate], float]:
        built = component.build()
        if not callable(built):
            raise ContractError(f"scorer {component.qualified} is not callable")
        return built  # type: ignore[no-any-return]

    def __call__(self, job: Job) -> Scored:
        """Score a candidate; one that cannot be scored is NaN, which never wins.

        Raises:
            SnnplugError: the parts do not fit each other: no candidate would do better.
        """
        started = time.perf_counter()
        candidate = Candidate(
            genotype=job.genotype,
            key=job.key,
            build=lambda repeat=0: self.setup.build(lambda: self.space.build(job.genotype), job.key, repeat),
            batch=self.batch,
            seed=derive_seed(self.setup.seed, "scorer", job.key),
        )
        with one_thread():
            score, reason = _try(self.score, candidate)
            values = {name: _try(scorer, candidate)[0] for name, scorer in self.recorded.items()}
        trial = Trial(
            index=job.index,
            genotype=job.genotype,
            key=job.key,
            score=score,
            values={name: value for name, value in values.items() if math.isfinite(value)},
            seconds=time.perf_counter() - started,
        )
        return Scored(trial, reason)

    def _batch(self, index: int, size: int) -> tuple[Tensor, Tensor]:
        split = self.setup.splits.train
        size = min(size, len(split))
        chosen = self.shuffled[torch.arange(index * size, (index + 1) * size) % len(split)]
        with seeded(derive_seed(self.setup.seed, "search batch", index, size)):  # a split may augment
            if hasattr(split, "batch"):
                values, labels = split.batch(chosen)
            else:
                samples = [split[int(i)] for i in chosen]
                values = torch.stack([value for value, _ in samples])
                labels = torch.tensor([int(label) for _, label in samples])
        encoded = self.setup.encode(values, "search batch", index, size)
        return encoded, labels.to(self.setup.fabric.device)


def _try(scorer: Callable[[Candidate], float], candidate: Candidate) -> tuple[float, str]:
    try:
        return float(scorer(candidate)), ""
    except SnnplugError:
        raise
    except Exception as error:
        return math.nan, f"{type(error).__name__}: {error}"
