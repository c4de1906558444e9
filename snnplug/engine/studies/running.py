"""The runs of a study, in this process or by workers: each goes on where it stood."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from snnplug.engine.execution.executors import executor_of
from snnplug.engine.execution.orders import Orders
from snnplug.engine.execution.pool import Lost, Pool
from snnplug.engine.provenance import origin_of_all
from snnplug.engine.studies.combinations import Job
from snnplug.engine.tracking import TrackerLike
from snnplug.errors import SnnplugError, one_line
from snnplug.recipe.recipe import Recipe
from snnplug.registry.component import Component
from snnplug.registry.registry import Registry
from snnplug.runs.records import Threads

__all__ = ["Outcome", "Settings", "run_all"]


@attrs.frozen
class Settings:
    """How runs are carried out.

    Attributes:
        place: folder of the run directories, which every worker has to see.
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
    executor: Component | None = None,
    started: Callable[[Job], None] = lambda job: None,
) -> Iterator[Outcome]:
    """Carry out runs, and yield each as it ends, in no fixed order.

    Args:
        jobs: what is to be done.
        settings: how.
        workers: how many; 1 for this process, unless there is an executor.
        registry: where names are looked up in this process.
        executor: where the workers are; None for processes of this machine.
        started: called when a run begins, once more where its worker has died.
    """
    if workers == 1 and executor is None:
        work = _work(settings, registry)
        for job in jobs:
            started(job)
            yield Outcome(job, work((job.recipe, job.directory)))
    else:
        names = registry or Registry.from_installed(quiet=True)
        yield from _by_workers(jobs, settings, workers, executor, started, names)


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


def _by_workers(
    jobs: Sequence[Job],
    settings: Settings,
    count: int,
    executor: Component | None,
    begun: Callable[[Job], None],
    registry: Registry,
) -> Iterator[Outcome]:
    orders = Orders(_Build(settings), origin_of_all(registry))
    started = executor_of(executor, orders, count)
    with Pool(started, count, begun=lambda number: begun(jobs[number])) as pool:
        for number, answer in pool((job.recipe, job.directory) for job in jobs):
            lost = isinstance(answer, Lost)
            yield Outcome(jobs[number], f"its worker died twice: {answer.cause}" if lost else answer)
