"""Scoring candidates here, or in several processes that each build the run's parts from its plan.

A worker gets one candidate at a time through a pipe of its own, so it is known which one a
worker that died was scoring: that one is tried once more. One that takes longer than a candidate may is
ended, and its candidate has no score. Workers never touch the run directory.
"""

from __future__ import annotations

import math
import pickle
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait

import attrs

from snnplug.contracts import Trial
from snnplug.engine.parts import Parts
from snnplug.engine.scoring.evaluator import Evaluator, Job, Scored
from snnplug.engine.scoring.scorers import Scorers, check_epochs
from snnplug.engine.scoring.worker import Worker
from snnplug.errors import ContractError, RunFailed, SnnplugError, one_line
from snnplug.recipe.plan import Plan

__all__ = ["Here", "Workers", "check_scoring", "scoring"]

_FAREWELL = 5.0  # seconds that a process whose pipe has closed may take to end by itself
_LOOK_AGAIN = 3600.0  # seconds; a system waits only so long at a time


def scoring(
    parts: Parts, scorers: Scorers, workers: int, resume: str, timeout: float = 0.0
) -> Here | Workers:
    """Return what scores candidates: this process, or others.

    Args:
        parts, scorers: as `Evaluator` takes them.
        workers: number of processes; 1 for this one, unless there is a time limit.
        resume: the command that goes on after a failure, for messages.
        timeout: seconds that a candidate may take, 0 for any time.
    """
    if workers == 1 and not timeout:
        return Here(parts, scorers)
    return Workers(parts, scorers, workers, resume, timeout)


def check_scoring(parts: Parts, scorers: Scorers, workers: int, timeout: float = 0.0) -> None:
    """Refuse what `scoring` could not do; arguments as there.

    Raises:
        ContractError: a scorer is not callable, or a component cannot be sent to another process.
        RecipeError: one trains candidates for longer than the recipe trains.
    """
    check_epochs(parts, scorers)
    if workers > 1 or timeout:
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
    """Scores in several processes, started when there is work for them.

    Args:
        parts, scorers: as `Evaluator` takes them; each worker builds the parts anew.
        count: largest number of processes.
        resume: the command that goes on after a failure, for messages.
        timeout: seconds that a candidate may take, 0 for any time.

    Raises:
        ContractError: a component of the recipe cannot be sent to another process.
    """

    def __init__(self, parts: Parts, scorers: Scorers, count: int, resume: str, timeout: float = 0.0) -> None:
        self._count, self._resume, self._timeout = count, resume, timeout or math.inf
        self._workers: list[Worker] = []
        self._deaths: Counter[str] = Counter()
        self._orders = _orders(parts, scorers, count, timeout)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        while self._workers:
            self._workers.pop().end()

    def __call__(self, jobs: Iterable[Job]) -> Iterator[Scored]:
        """Yield each candidate as it has been scored, in no fixed order.

        Raises:
            RunFailed: a candidate's worker died twice.
        """
        waiting = deque(jobs)
        while waiting or any(worker.job for worker in self._workers):
            self._hand_out(waiting)
            busy = {worker.pipe: worker for worker in self._workers if worker.job}
            for pipe in wait(list(busy), self._patience()):
                worker = busy[pipe]  # type: ignore[index]
                try:
                    answer = worker.receive()
                except (EOFError, OSError):
                    waiting.appendleft(self._bury(worker))
                    continue
                if isinstance(answer, SnnplugError):
                    raise answer
                if answer is not None:
                    yield answer
            for worker in [worker for worker in self._workers if worker.seconds > self._timeout]:
                if not worker.pipe.poll():
                    yield self._give_up(worker)

    def _patience(self) -> float | None:
        """Return how long to wait until the first worker has used up its time, None for ever."""
        if self._timeout == math.inf:
            return None
        left = self._timeout - max((worker.seconds for worker in self._workers), default=0.0)
        return min(max(0.0, left) + 0.01, _LOOK_AGAIN)

    def _give_up(self, worker: Worker) -> Scored:
        """End a worker that is too slow, and return that its candidate has no score."""
        job, seconds = worker.job, worker.seconds
        assert job is not None
        self._workers.remove(worker)
        worker.end()
        trial = Trial(
            index=job.index,
            genotype=job.genotype,
            key=job.key,
            score=math.nan,
            seconds=seconds,
            rung=job.rung,
        )
        return Scored(trial, f"it took longer than search.timeout = {self._timeout:g} s")

    def _hand_out(self, waiting: deque[Job]) -> None:
        free = [worker for worker in self._workers if worker.job is None]
        while waiting and (free or len(self._workers) < self._count):
            if not free:
                numbers = {worker.number for worker in self._workers}
                number = next(n for n in range(self._count) if n not in numbers)  # that of a dead one, too
                self._workers.append(Worker(self._orders, number))
                free.append(self._workers[-1])
            free.pop(0).give(waiting.popleft())

    def _bury(self, worker: Worker) -> Job:
        """Take a dead worker out and return its candidate, which is tried once more."""
        job: Job = worker.job
        self._workers.remove(worker)
        code = worker.end(_FAREWELL)
        self._deaths[job.key] += 1
        if self._deaths[job.key] > 1:
            raise RunFailed(
                f"two worker processes died while scoring the candidate {job.genotype!r}: {_cause(code)}. "
                f"What was scored is kept; continue with: {self._resume}"
            )
        return job


@attrs.frozen
class _Orders:
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


def _orders(parts: Parts, scorers: Scorers, count: int, timeout: float) -> bytes:
    """Return what each worker is sent first."""
    try:
        return pickle.dumps(_Orders(parts.plan, scorers, str(parts.device)))
    except Exception as error:  # pickle raises whatever it meets
        setting = f"search.timeout = {timeout:g}" if timeout else f"search.workers = {count}"
        without = "no search.timeout and search.workers = 1" if timeout else "search.workers = 1"
        raise ContractError(
            f"{setting} needs components that another process can import "
            f"({one_line(error)}); give them a module of their own, or set {without}"
        ) from error


def _cause(code: int | None) -> str:
    if code is not None and code == -getattr(signal, "SIGKILL", 9):  # Windows has no such signal
        return "killed, as by a system out of memory: fewer search.workers need less"
    if code is not None and code < 0:
        return f"ended by signal {signal.Signals(-code).name}"
    return (
        f"exit code {code}; a script that calls snnplug.run with search.workers must do so "
        'under `if __name__ == "__main__":`'
    )
