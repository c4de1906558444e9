"""The runs of a study, in this process or in several: each goes on where it stood."""

from __future__ import annotations

import os
import pickle
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import wait
from pathlib import Path

import attrs

from snnplug.engine.studies.combinations import Job
from snnplug.engine.tracking import TrackerLike
from snnplug.errors import RunFailed, SnnplugError, one_line
from snnplug.recipe.recipe import Recipe
from snnplug.registry.registry import Registry
from snnplug.runs.records import Threads

__all__ = ["Outcome", "Settings", "run_all"]

_AGAIN = 1  # times that a run is begun anew after its process has died


@attrs.frozen
class Settings:
    """How runs are carried out.

    Attributes:
        place: folder of the run directories.
        device: as `snnplug.run` takes it.
        threads: CPU threads of each run, which decide the last bits of its sums.
        accept_versions: go on with other versions of plugins; see `snnplug.resume`.
        cuda_devices: GPUs that workers are spread over.
        trackers: told how each run goes on; see `snnplug.run`.
    """

    place: Path
    device: str = "auto"
    threads: int = 1
    accept_versions: bool = False
    cuda_devices: int = 0
    trackers: Sequence[TrackerLike] = ()


@attrs.frozen
class Outcome:
    """A run that has ended; `failure` says why it has no result, empty where it has one."""

    job: Job
    failure: str = ""


def run_all(
    jobs: Sequence[Job],
    settings: Settings,
    workers: int,
    registry: Registry | None = None,
    started: Callable[[Job], None] = lambda job: None,
) -> Iterator[Outcome]:
    """Carry out runs, and yield each as it ends, in no fixed order.

    Args:
        jobs: what is to be done.
        settings: how.
        workers: processes; 1 for this one.
        registry: where names are looked up in this process.
        started: called when a run begins, once more where its process has died.
    """
    if workers == 1:
        work = _work(settings, registry)
        for job in jobs:
            started(job)
            yield Outcome(job, work((job.recipe, job.directory)))
    else:
        yield from _in_processes(jobs, settings, workers, started)


def _work(settings: Settings, given: Registry | None = None) -> Callable[[tuple[Recipe, str]], str]:
    """Return what carries out one run, given its recipe and directory, and returns why it failed."""
    from snnplug.engine.run import resume, run

    registry = given or Registry.from_installed(quiet=True)

    def work(item: tuple[Recipe, str]) -> str:
        recipe, name = item
        directory = settings.place / name
        try:
            if (directory / "resolved.json").exists():
                resume(
                    directory,
                    device=settings.device,
                    registry=registry,
                    accept_versions=settings.accept_versions,
                    trackers=settings.trackers,
                )
            else:
                run(
                    recipe,
                    out=directory,
                    device=settings.device,
                    registry=registry,
                    threads=Threads(count=settings.threads, fixed=True),
                    trackers=settings.trackers,
                )
        except SnnplugError as error:
            return " ".join(str(error).split()) or one_line(error)
        return ""

    return work


@attrs.frozen
class _Build:
    settings: Settings

    def __call__(self, number: int) -> Callable[[tuple[Recipe, str]], str]:
        if self.settings.cuda_devices > 1:  # before torch looks for them
            os.environ["CUDA_VISIBLE_DEVICES"] = str(number % self.settings.cuda_devices)
        return _work(self.settings)


def _in_processes(
    jobs: Sequence[Job], settings: Settings, count: int, started: Callable[[Job], None]
) -> Iterator[Outcome]:
    from snnplug.engine.scoring.worker import Worker

    orders = pickle.dumps(_Build(settings))
    waiting, deaths = deque(jobs), Counter[str]()
    working: dict[int, tuple[Worker, Job]] = {}
    idle: list[Worker] = []
    try:
        while waiting or working:
            while waiting and (idle or len(working) < count):
                job = waiting.popleft()
                number = next(n for n in range(count) if n not in working)
                worker = idle.pop() if idle else Worker(orders, number, daemon=False)
                working[worker.number] = (worker, job)
                started(job)
                worker.give((job.recipe, job.directory))
            pipes = {worker.pipe: number for number, (worker, _) in working.items()}
            for pipe in wait(list(pipes)):
                number = pipes[pipe]  # type: ignore[index]
                worker, job = working[number]
                try:
                    answer = worker.receive()
                except (EOFError, OSError):
                    del working[number]
                    code = worker.end()
                    deaths[job.directory] += 1
                    if deaths[job.directory] > _AGAIN:
                        yield Outcome(job, f"its process died twice, the last time with exit code {code}")
                    else:
                        waiting.appendleft(job)
                    continue
                if answer is None:
                    continue
                del working[number]
                idle.append(worker)
                if isinstance(answer, Exception):
                    raise RunFailed(f"a worker process of the study failed: {one_line(answer)}")
                yield Outcome(job, answer)
    finally:
        for worker in (*idle, *(worker for worker, _ in working.values())):
            worker.end()
