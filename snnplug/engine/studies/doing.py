"""Doing the runs of a study: all that are wanted, or round by round what a sampler draws."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from snnplug.engine.progress import Reporter
from snnplug.engine.studies.answer import is_done, values_of
from snnplug.engine.studies.combinations import Job, job_of
from snnplug.engine.studies.file import StudyFile
from snnplug.engine.studies.running import Settings, run_all
from snnplug.engine.studies.sampling import Sampler
from snnplug.errors import RunDirectoryError
from snnplug.registry.component import Component
from snnplug.registry.registry import Registry

__all__ = ["Doing", "draw_all"]


class Doing:
    """Runs what is not finished.

    Args:
        settings, workers, registry, executor: as `run_all` takes them.
        report: progress.

    Attributes:
        failures: why runs have no result, by directory.
        computed: number of runs that were finished here.
    """

    def __init__(
        self,
        settings: Settings,
        workers: int,
        report: Reporter,
        registry: Registry | None,
        executor: Component | None = None,
    ) -> None:
        self.settings, self.workers, self.report, self.registry = settings, workers, report, registry
        self.executor = executor
        self.failures: dict[str, str] = {}
        self.computed = 0
        self._bar: Any = None

    @contextmanager
    def bar(self, total: int) -> Iterator[None]:
        """Show a bar of so many runs inside the block."""
        with self.report.bar("study", total) as self._bar:
            yield

    def run(self, wanted: Sequence[Job]) -> None:
        """Run what is not finished."""
        left = [job for job in wanted if not is_done(self.settings.place, job)]
        self.advance(len(wanted) - len(left))
        for outcome in run_all(left, self.settings, self.workers, self.registry, self.executor):
            if outcome.failure:
                self.failures[outcome.job.directory] = outcome.failure
                self.report.say(f"note: {outcome.job.directory} failed: {outcome.failure}")
            else:
                self.computed += 1
            self.advance()

    def advance(self, by: int = 1) -> None:
        """Move the bar on."""
        if by:
            self._bar.advance(f"{len(self.failures)} failed" if self.failures else "", by)

    def means(self, wanted: Sequence[Job], measures: Mapping[str, str]) -> dict[str, float]:
        """Return the mean of each measure over runs, of those that all have; none if one has failed."""
        try:
            found = [values_of(self.settings.place, job, measures) for job in wanted]
        except RunDirectoryError:  # of one that failed, or was damaged since: the answer says so
            return {}
        whole = [measure for measure in measures if all(measure in one for one in found)]
        return {measure: statistics.fmean(one[measure] for one in found) for measure in whole}


def draw_all(file: StudyFile, doing: Doing) -> tuple[list[Job], dict[str, str]]:
    """Draw and run the combinations of a study, seed by seed in each round.

    Returns:
        The runs, and why combinations were pruned, by name.
    """
    sampler, wanted, pruned = Sampler(file), list[Job](), dict[str, str]()
    (only, *others) = file.measures
    with doing.bar(file.samples * len(file.seeds)):
        while drawn := sampler.ask():
            mine: list[list[Job]] = [[] for _ in drawn]
            for step, seed in enumerate(file.seeds):
                new = [
                    (i, job_of(file, one.combination, seed)) for i, one in enumerate(drawn) if not one.pruned
                ]
                doing.run([job for _, job in new])
                doing.advance(len(drawn) - len(new))
                for i, job in new:
                    mine[i].append(job)
                if step + 1 < len(file.seeds) and not others:
                    so_far = [doing.means(own, file.measures).get(only) for own in mine]
                    sampler.report(drawn, so_far, step)
            sampler.tell(drawn, [doing.means(own, file.measures) for own in mine])
            pruned |= {one.combination.name: one.pruned for one in drawn if one.pruned}
            wanted += [job for own in mine for job in own]
    return list({job.directory: job for job in wanted}.values()), pruned
