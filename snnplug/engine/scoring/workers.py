"""Scoring candidates here, or in several processes that each build the run's parts from its plan.

A worker gets one candidate at a time through a pipe of its own, so it is known which one a
worker that died was scoring: that one is tried once more. Workers never touch the run
directory. They end when their pipe closes, also if the driver was killed.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait

import torch

import __main__ as main
from snnplug.engine.device import deterministic
from snnplug.engine.parts import Parts, make_parts
from snnplug.engine.process import keep_freed_memory
from snnplug.engine.scoring.evaluator import Evaluator, Job, Scored
from snnplug.errors import ContractError, RunFailed, SnnplugError, one_line
from snnplug.registry.component import Component

__all__ = ["Here", "Workers", "scoring"]


def scoring(parts: Parts, scorers: Sequence[Component], workers: int, resume: str) -> Here | Workers:
    """Return what scores candidates: this process, or several workers.

    Args:
        parts, scorers: as `Evaluator` takes them.
        workers: number of processes; 1 for this one.
        resume: the command that goes on after a failure, for messages.
    """
    return Here(parts, scorers) if workers == 1 else Workers(parts, scorers, workers, resume)


class Here:
    """Scores in this process, one candidate after the other."""

    def __init__(self, parts: Parts, scorers: Sequence[Component]) -> None:
        self._evaluate = Evaluator(parts, scorers)

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, jobs: Iterable[Job]) -> Iterator[Scored]:
        """Yield each candidate as it has been scored."""
        return map(self._evaluate, jobs)


class _Worker:
    """A process and what it is scoring."""

    def __init__(self, orders: bytes) -> None:
        context = get_context("spawn")  # a forked process could not use CUDA, nor torch's threads
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _without_interrupts(), _without_a_missing_script():
            self.process.start()
        theirs.close()  # else the end of the process would not be seen
        self.job: Job | None = None
        self._send(orders)

    def give(self, job: Job) -> None:
        self.job = job
        self._send(pickle.dumps(job))

    def _send(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended, which is seen when its answer is read
            self.pipe.send_bytes(message)

    def end(self) -> int | None:
        """End the process and return its exit code."""
        self.process.terminate()
        self.process.join()
        code = self.process.exitcode
        self.pipe.close()
        self.process.close()
        return code


class Workers:
    """Scores in several processes, started when there is work for them.

    Args:
        parts, scorers: as `Evaluator` takes them; each worker builds the parts anew.
        count: largest number of processes.
        resume: the command that goes on after a failure, for messages.

    Raises:
        ContractError: a component of the recipe cannot be sent to another process.
    """

    def __init__(self, parts: Parts, scorers: Sequence[Component], count: int, resume: str) -> None:
        self._count, self._resume = count, resume
        self._workers: list[_Worker] = []
        self._deaths: Counter[str] = Counter()
        try:
            self._orders = pickle.dumps((parts.plan, tuple(scorers), str(parts.device)))
        except Exception as error:  # pickle raises whatever it meets
            raise ContractError(
                f"search.workers = {count} needs components that another process can import "
                f"({one_line(error)}); give them a module of their own, or set search.workers = 1"
            ) from error

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
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                try:
                    answer = pickle.loads(worker.pipe.recv_bytes())
                except (EOFError, OSError):
                    waiting.appendleft(self._bury(worker))
                    continue
                if isinstance(answer, SnnplugError):
                    raise answer
                worker.job = None
                yield answer

    def _hand_out(self, waiting: deque[Job]) -> None:
        free = [worker for worker in self._workers if worker.job is None]
        while waiting and (free or len(self._workers) < self._count):
            if not free:
                self._workers.append(_Worker(self._orders))
                free.append(self._workers[-1])
            free.pop(0).give(waiting.popleft())

    def _bury(self, worker: _Worker) -> Job:
        """Take a dead worker out and return its candidate, which is tried once more."""
        job = worker.job
        assert job is not None
        self._workers.remove(worker)
        worker.process.join()
        code = worker.end()
        self._deaths[job.key] += 1
        if self._deaths[job.key] > 1:
            raise RunFailed(
                f"two worker processes died while scoring the candidate {job.genotype!r}: {_cause(code)}. "
                f"What was scored is kept; continue with: {self._resume}"
            )
        return job


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back inside the block, and from a process begun in it: until it ignores it by itself
    it would answer with a traceback of its imports."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starting it would let interrupts in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _without_a_missing_script() -> Iterator[None]:
    """Let a process begin though the program is no file, as one that is read from standard input.

    It would look for the file, to run it again up to its `if __name__ == "__main__":`.
    """
    script = getattr(main, "__file__", None)
    if script is None or os.path.exists(script):
        yield
        return
    del main.__file__
    try:
        yield
    finally:
        main.__file__ = script


def _cause(code: int | None) -> str:
    if code is not None and code == -getattr(signal, "SIGKILL", 9):  # Windows has no such signal
        return "killed, as by a system out of memory: fewer search.workers need less"
    if code is not None and code < 0:
        return f"ended by signal {signal.Signals(-code).name}"
    return (
        f"exit code {code}; a script that calls snnplug.run with search.workers must do so "
        'under `if __name__ == "__main__":`'
    )


def _serve(pipe: Connection) -> None:
    """Score what comes through the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    keep_freed_memory()
    try:
        evaluate = _evaluator(pipe.recv_bytes())
        with deterministic():
            while True:
                job = pickle.loads(pipe.recv_bytes())
                pipe.send_bytes(pickle.dumps(evaluate(job)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the driver is gone
    except Exception as error:
        pipe.send_bytes(_portable(error))


def _evaluator(orders: bytes) -> Evaluator:
    plan, scorers, device = pickle.loads(orders)
    return Evaluator(make_parts(plan, torch.device(device)), scorers)


def _portable(error: Exception) -> bytes:
    """Return an error for the driver to raise."""
    if isinstance(error, SnnplugError):
        try:
            content = pickle.dumps(error)
            pickle.loads(content)
        except Exception:
            return pickle.dumps(RunFailed(str(error)))
        return content
    return pickle.dumps(RunFailed(f"a worker process failed: {one_line(error)}"))
