"""Scoring candidates here, or by the workers of an executor that each build the run's parts from its plan.

One whose worker has died twice ends the search; one that takes longer than a candidate may has no score.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import attrs

from snnplug.contracts import Trial
from snnplug.engine.execution.executors import executor_of
from snnplug.engine.execution.orders import Orders, in_worker
from snnplug.engine.execution.pool import Late, Lost, Pool
from snnplug.engine.parts import Parts
from snnplug.engine.provenance import origin_of
from snnplug.engine.scoring.evaluator import Evaluator, Job, Scored
from snnplug.engine.scoring.scorers import Scorers, check_epochs
from snnplug.engine.threads import threads_here
from snnplug.errors import ContractError, RunFailed, one_line
from snnplug.recipe.plan import Plan

if TYPE_CHECKING:
    from snnplug.registry.component import Component

__all__ = ["Here", "Workers", "check_scoring", "scoring"]

_AHEAD = 16  # candidates at least; what is scored waits for the one before it, and is lost with the driver


def scoring(
    parts: Parts,
    scorers: Scorers,
    workers: int,
    resume: str,
    timeout: float = 0.0,
    executor: Component | None = None,
) -> Here | Workers:
    """Return what scores candidates: this process, or workers.

    Args:
        parts, scorers: as `Evaluator` takes them.
        workers: number of workers; 1 for this process, unless there is a time limit or an executor.
        resume: the command that goes on after a failure, for messages.
        timeout: seconds that a candidate may take, 0 for any time.
        executor: where the workers are; None for processes of this machine.
    """
    if not timeout and (in_worker() or (workers == 1 and executor is None)):
        return Here(parts, scorers)
    return Workers(parts, scorers, workers, resume, timeout, executor)


def check_scoring(
    parts: Parts, scorers: Scorers, workers: int, timeout: float = 0.0, executor: Component | None = None
) -> None:
    """Refuse what `scoring` could not do; arguments as there.

    Raises:
        ContractError: a scorer is not callable, or a component cannot be sent to another process.
        RecipeError: one trains candidates for longer than the recipe trains.
    """
    check_epochs(parts, scorers)
    if workers > 1 or timeout or executor is not None:
        _orders(parts, scorers, workers, timeout)


class Here:
    """Scores in this process, one candidate after the other."""

    def __init__(self, parts: Parts, scorers: Scorers) -> None:
        self._evaluate = Evaluator(parts, scorers)

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, jobs: Iterable[Job]) -> Iterator[Scored]:
        """Yield each candidate as it has been scored."""
        return map(self._evaluate, jobs)


class Workers:
    """Scores by workers.

    Args:
        parts, scorers: as `Evaluator` takes them; each worker builds the parts anew.
        count: largest number of workers.
        resume: the command that goes on after a failure, for messages.
        timeout: seconds that a candidate may take, 0 for any time.
        executor: where the workers are; None for processes of this machine.

    Raises:
        ContractError: a component of the recipe cannot be sent to another process.
    """

    def __init__(
        self,
        parts: Parts,
        scorers: Scorers,
        count: int,
        resume: str,
        timeout: float = 0.0,
        executor: Component | None = None,
    ) -> None:
        self._resume, self._timeout = resume, timeout
        if executor is not None and scorers.shared is not None:  # its workers may not see the directory
            scorers = attrs.evolve(scorers, shared=scorers.shared.carried())
        orders = _orders(parts, scorers, count, timeout)
        started = executor_of(executor, orders, count)
        self._pool = Pool(started, count, timeout=timeout or math.inf, ahead=max(_AHEAD, 4 * count))

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.__exit__()

    def __call__(self, jobs: Iterable[Job]) -> Iterator[Scored]:
        """Yield each candidate as it has been scored, in the order of the jobs, whichever worker was faster.

        Raises:
            RunFailed: a candidate's worker died twice.
        """
        early: dict[int, Scored] = {}
        due = 0
        for number, scored in self._scored(list(jobs)):
            early[number] = scored
            while due in early:
                yield early.pop(due)
                due += 1

    def _scored(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Scored]]:
        """Yield the place of each candidate among the jobs, and its score."""
        for number, scored in self._pool(jobs):
            job = jobs[number]
            if isinstance(scored, Lost):
                raise RunFailed(
                    f"two worker processes died while scoring the candidate {job.genotype!r}: "
                    f"{scored.cause}. What was scored is kept; continue with: {self._resume}"
                )
            yield number, self._late(job, scored) if isinstance(scored, Late) else scored

    def _late(self, job: Job, late: Late) -> Scored:
        """Return that a candidate has no score."""
        trial = Trial(
            index=job.index,
            genotype=job.genotype,
            key=job.key,
            score=math.nan,
            seconds=late.seconds,
            rung=job.rung,
        )
        return Scored(trial, f"it took longer than search.timeout = {self._timeout:g} s")


@attrs.frozen
class _Build:
    """What a worker builds its evaluator of."""

    plan: Plan
    scorers: Scorers
    device: str

    def __call__(self, number: int) -> Callable[[Job], Scored]:
        import torch

        from snnplug.engine.device import deterministic, worker_device
        from snnplug.engine.parts import make_parts

        device = worker_device(torch.device(self.device), number, torch.cuda.device_count())
        if device.type == "cuda":
            torch.cuda.set_device(device)  # where kernels of a plugin's own run
        evaluate = Evaluator(make_parts(self.plan, device), self.scorers)

        def score(job: Job) -> Scored:
            with deterministic():
                return evaluate(job)

        return score


def _orders(parts: Parts, scorers: Scorers, count: int, timeout: float) -> Orders:
    """Return what each worker is sent first.

    Raises:
        ContractError: it cannot be sent.
    """
    build = _Build(parts.plan, scorers, str(parts.device))
    orders = Orders(build, origin_of(parts.plan, threads_here()))
    try:
        pickle.dumps(orders)
    except Exception as error:  # pickle raises whatever it meets
        setting = f"search.timeout = {timeout:g}" if timeout else f"search.workers = {count}"
        without = "no search.timeout and search.workers = 1" if timeout else "search.workers = 1"
        raise ContractError(
            f"{setting} needs components that another process can import "
            f"({one_line(error)}); give them a module of their own, or set {without}"
        ) from error
    return orders
