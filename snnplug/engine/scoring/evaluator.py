"""The score of one candidate, the same in every process.

Networks, batches and every other draw are seeded by the run and the candidate, and scoring
uses one thread: the order of a sum, and with it the last bits of a score, would otherwise
depend on how many cores there are. More cores are used by more worker processes.
"""

from __future__ import annotations

import contextlib
import functools
import math
import numbers
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import attrs
import torch
from torch import Tensor, nn

from snnplug.contracts import Candidate, Genotype, Graph, Score, Trial
from snnplug.engine.data import order, read_samples
from snnplug.engine.parts import Parts
from snnplug.engine.scoring.beyond import beyond_limits
from snnplug.engine.scoring.limits import Limits
from snnplug.engine.scoring.scorers import Scorers, build_scorers
from snnplug.engine.supernet import shared_chain, shared_network
from snnplug.errors import SnnplugError, StorageError, UsageError
from snnplug.nn import seeded
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, refuse, title
from snnplug.seeds import derive_seed

__all__ = ["Evaluator", "Job", "Scored", "one_thread"]

_NUMBER = "one finite number for a candidate"


@attrs.frozen
class Job:
    """A candidate to score.

    Attributes:
        index: its position among the different ones drawn.
        genotype, key: the candidate.
        unlimited: it is scored though it be beyond the limits of the search.
        rung: which score of it.
    """

    index: int
    genotype: Genotype
    key: str
    unlimited: bool = False
    rung: int = 0


@attrs.frozen
class Scored:
    """A scored candidate.

    Attributes:
        trial: with its score, NaN if it has none.
        reason: why it has none, or has it as a reference alone.
        plugin: whose fault that is.
        failures: a line and a traceback for each scorer that gave nothing.
        beyond: what it has beyond limits of the search, by name.
    """

    trial: Trial
    reason: str = ""
    plugin: str = ""
    failures: tuple[tuple[str, str], ...] = ()
    beyond: Mapping[str, float] = attrs.field(factory=dict)


class _Score(NamedTuple):
    """What one scorer gave for one candidate; where that is no finite number, why, and whose fault it is."""

    value: float
    reason: str = ""
    plugin: str = ""
    details: str = ""
    parts: Mapping[str, float] = {}


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
    """Scores candidates.

    Args:
        parts: around the networks; with a search space.
        scorers: what they are scored by.

    Raises:
        ContractError: a scorer is not callable.
    """

    def __init__(self, parts: Parts, scorers: Scorers) -> None:
        self.parts, self.shared, self.trainings = parts, scorers.shared, scorers.trainings
        search = parts.plan.recipe.search
        self.limits: Limits = Limits() if search is None else search.limits
        self.scorers = tuple(zip(scorers.first, build_scorers(scorers.first), strict=True))
        self.names = tuple(scorers.beside)
        self.rungs = tuple(zip(scorers.rungs, build_scorers(scorers.rungs), strict=True))
        self.batch = functools.lru_cache(maxsize=8)(self._batch)
        self.shuffled = order(len(parts.splits.train), derive_seed(parts.seed, "search batches"))

    def __call__(self, job: Job) -> Scored:
        """Score a candidate; one that cannot be scored is NaN, which never wins.

        Raises:
            UsageError: the parts do not fit each other: no candidate would do better.
        """
        started = time.perf_counter()
        candidate = Candidate(
            genotype=job.genotype,
            key=job.key,
            build=lambda repeat=0: self.parts.network(job.genotype, job.key, repeat),
            batch=self.batch,
            seed=derive_seed(self.parts.seed, "scorer", job.key),
            held_out=self._held_out,
            held_out_samples=len(self.parts.splits.val or ()),
            readout=self.parts.readout,
            graph=lambda: self._graph(job.genotype),
            **self._inherited(job),
            **self._trained(job),
        )
        with one_thread():
            scored = self._score(job, candidate)
        trial = attrs.evolve(scored.trial, seconds=time.perf_counter() - started)
        return attrs.evolve(scored, trial=trial)

    def _score(self, job: Job, candidate: Candidate) -> Scored:
        unscored = Trial(index=job.index, genotype=job.genotype, key=job.key, score=math.nan, rung=job.rung)
        if job.rung:  # within the limits, or it would have no score at the rung below
            one = self._try(*self.rungs[job.rung - 1], candidate)
            lines = ((one.reason, one.details),) if math.isnan(one.value) else ()
            trial = attrs.evolve(unscored, score=one.value, parts=one.parts)
            return Scored(trial, one.reason, one.plugin, lines)
        try:
            beyond = beyond_limits(self.limits, self.parts, candidate)
        except UsageError:
            raise
        except SnnplugError as error:
            lost = _lost(error)
            return Scored(unscored, lost.reason, lost.plugin, ((lost.reason, lost.details),))
        if beyond and not job.unlimited:
            return Scored(unscored, beyond.reason, beyond=beyond.by)
        own, *others = [self._try(*scorer, candidate) for scorer in self.scorers]
        recorded = zip(self.names, others, strict=True)
        trial = attrs.evolve(
            unscored,
            score=own.value,
            values={name: other.value for name, other in recorded if math.isfinite(other.value)},
            parts=own.parts,
        )
        failed = [(one.reason, one.details) for one in (own, *others) if math.isnan(one.value)]
        return Scored(trial, own.reason or beyond.reason, own.plugin, tuple(failed), beyond.by)

    def _try(
        self, component: Component, scorer: Callable[[Candidate], float], candidate: Candidate
    ) -> _Score:
        try:
            with calling(component, _NUMBER, self.parts.plan.used):
                result = scorer(candidate)
                parts = dict(result.parts) if isinstance(result, Score) else {}
                parts = {str(name): _number(component, part) for name, part in parts.items()}
                value = _number(component, result.value if isinstance(result, Score) else result)
        except (UsageError, StorageError):  # no candidate would do better
            raise
        except SnnplugError as error:
            return _lost(error, component.plugin)
        if math.isfinite(value):
            return _Score(value, parts=parts)
        return _Score(value, f"{title(component)} gave {value}; expected {_NUMBER}", component.plugin)

    def _graph(self, genotype: Genotype) -> Graph:
        space = self.parts.space
        assert space is not None
        return space.graph(genotype)

    def _inherited(self, job: Job) -> dict[str, Any]:
        """Return what a candidate has of the supernet, nothing where there is none."""
        if self.shared is None:
            return {}
        return {
            "inherit": lambda: shared_network(self.parts, self.supernet, job.genotype, job.key),
            "facts": self.shared.facts,
            "chain": lambda: shared_chain(self.parts, self.supernet, job.genotype),
        }

    def _trained(self, job: Job) -> dict[str, Any]:
        """Return how a candidate is trained, nothing where none is."""
        if self.trainings is None:
            return {}
        return {"train": functools.partial(self.trainings.train, self.parts, job.genotype, job.key)}

    @functools.cached_property
    def supernet(self) -> nn.Module:
        """The trained supernet, loaded when the first candidate asks for it."""
        assert self.shared is not None
        return self.shared.load(self.parts)

    @functools.cached_property
    def held_out_order(self) -> Tensor:
        """The order of validation samples: drawn, since a split may be sorted by class."""
        return order(len(self.parts.splits.val or ()), derive_seed(self.parts.seed, "held out order"))

    def _held_out(self, index: int, size: int) -> tuple[Tensor, Tensor]:
        split = self.parts.splits.val
        assert split is not None
        chosen = self.held_out_order[index * size : (index + 1) * size]
        with seeded(derive_seed(self.parts.seed, "held out", index, size)):
            with self.parts.calls.loading:
                values, labels = read_samples(split, chosen, self.parts.fit)
            self.parts.calls.check_batch(values, labels)
        return self.parts.encode(values, "held out", index, size), labels.to(self.parts.device)

    def _batch(self, index: int, size: int) -> tuple[Tensor, Tensor]:
        split = self.parts.splits.train
        size = min(size, len(split))
        chosen = self.shuffled[torch.arange(index * size, (index + 1) * size) % len(split)]
        with seeded(derive_seed(self.parts.seed, "search batch", index, size)):  # a split may augment
            with self.parts.calls.loading:
                values, labels = read_samples(split, chosen, self.parts.fit)
            self.parts.calls.check_batch(values, labels)
        encoded = self.parts.encode(values, "search batch", index, size)
        return encoded, labels.to(self.parts.device)


def _lost(error: SnnplugError, plugin: str = "") -> _Score:
    """Return what an error leaves of a score; it is the plugin's unless it names another."""
    return _Score(math.nan, str(error), getattr(error, "plugin", "") or plugin, getattr(error, "details", ""))


def _number(component: Component, given: Any) -> float:
    """Return a score as a float, whatever kind of number it is."""
    value = (
        given.item() if hasattr(given, "item") and math.prod(getattr(given, "shape", (2,))) == 1 else given
    )
    if not isinstance(value, numbers.Real):
        refuse(component, _NUMBER, given)
    return float(value)
