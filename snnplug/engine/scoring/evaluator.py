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
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs
import torch
from torch import Tensor

from snnplug.contracts import Candidate, Genotype, Trial
from snnplug.engine.data import order, read_samples
from snnplug.engine.parts import Parts
from snnplug.errors import ContractError, SnnplugError
from snnplug.nn import seeded
from snnplug.registry.component import Component
from snnplug.seeds import derive_seed

__all__ = ["Evaluator", "Job", "Scored", "build_scorers", "one_thread"]


@attrs.frozen
class Job:
    """A candidate to score: its position among the different ones drawn, genotype and key."""

    index: int
    genotype: Genotype
    key: str


@attrs.frozen
class Scored:
    """A scored candidate; if it has no score, why, and by which plugin's fault."""

    trial: Trial
    reason: str = ""
    plugin: str = ""


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def build_scorers(components: Sequence[Component]) -> list[Callable[[Candidate], float]]:
    """Build scorers.

    Raises:
        ContractError: one is not callable.
        ParameterError: a parameter is out of range.
    """
    built = [component.build() for component in components]
    for component, scorer in zip(components, built, strict=True):
        if not callable(scorer):
            raise ContractError(f"scorer {component.qualified} is not callable")
    return built


class Evaluator:
    """Scores candidates.

    Args:
        parts: around the networks; with a search space.
        scorers: the one that gives the score, then those whose values are recorded beside it.

    Raises:
        ContractError: a scorer is not callable.
    """

    def __init__(self, parts: Parts, scorers: Sequence[Component]) -> None:
        self.parts = parts
        self.score, *others = build_scorers(scorers)
        self.recorded = {c.qualified: scorer for c, scorer in zip(scorers[1:], others, strict=True)}
        self.plugins = _packages([*parts.plan.used(), *scorers])
        self.blamed = scorers[0].plugin
        self.batch = functools.lru_cache(maxsize=8)(self._batch)
        self.shuffled = order(len(parts.splits.train), derive_seed(parts.seed, "search batches"))

    def __call__(self, job: Job) -> Scored:
        """Score a candidate; one that cannot be scored is NaN, which never wins.

        Raises:
            SnnplugError: the parts do not fit each other: no candidate would do better.
        """
        started = time.perf_counter()
        candidate = Candidate(
            genotype=job.genotype,
            key=job.key,
            build=lambda repeat=0: self.parts.network(job.genotype, job.key, repeat),
            batch=self.batch,
            seed=derive_seed(self.parts.seed, "scorer", job.key),
        )
        with one_thread():
            score, error = _try(self.score, candidate)
            values = {name: _try(scorer, candidate)[0] for name, scorer in self.recorded.items()}
        trial = Trial(
            index=job.index,
            genotype=job.genotype,
            key=job.key,
            score=score,
            values={name: value for name, value in values.items() if math.isfinite(value)},
            seconds=time.perf_counter() - started,
        )
        if math.isfinite(score):
            return Scored(trial)
        reason = f"the score {score}" if error is None else f"{type(error).__name__}: {error}"
        return Scored(trial, reason, _culprit(error, self.plugins) or self.blamed)

    def _batch(self, index: int, size: int) -> tuple[Tensor, Tensor]:
        split = self.parts.splits.train
        size = min(size, len(split))
        chosen = self.shuffled[torch.arange(index * size, (index + 1) * size) % len(split)]
        with seeded(derive_seed(self.parts.seed, "search batch", index, size)):  # a split may augment
            values, labels = read_samples(split, chosen, self.parts.fit)
        encoded = self.parts.encode(values, "search batch", index, size)
        return encoded, labels.to(self.parts.device)


def _try(scorer: Callable[[Candidate], float], candidate: Candidate) -> tuple[float, Exception | None]:
    try:
        return float(scorer(candidate)), None
    except SnnplugError:
        raise
    except Exception as error:
        return math.nan, error


def _packages(components: Iterable[Component]) -> dict[str, str]:
    """Return the plugin that each top-level package belongs to."""
    modules = ((str(getattr(c.target, "__module__", c.target)), c.plugin) for c in components)
    return {module.partition(":")[0].partition(".")[0]: plugin for module, plugin in modules}


def _culprit(error: Exception | None, plugins: dict[str, str]) -> str | None:
    """Return the plugin in whose code an error was raised, or which called what raised it."""
    frames = traceback.walk_tb(error.__traceback__ if error is not None else None)
    modules = [str(frame.f_globals.get("__name__", "")).partition(".")[0] for frame, _ in frames]
    return next((plugins[module] for module in reversed(modules) if module in plugins), None)
