"""Doing the runs of a study: all that are wanted, or round by round what a sampler draws."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from snnplug.engine.progress import Reporter
from snnplug.engine.studies.answer import is_done, values_of
from snnplug.engine.studies.combinations import Combination, Job, job_of
from snnplug.engine.studies.dashboard import Board
from snnplug.engine.studies.file import StudyFile
from snnplug.engine.studies.live import View, shown
from snnplug.engine.studies.running import Settings, run_all
from snnplug.engine.studies.sampling import Sampler
from snnplug.engine.studies.standing import Standing
from snnplug.errors import RunDirectoryError
from snnplug.registry.component import Component
from snnplug.registry.registry import Registry

__all__ = ["Doing", "draw_all"]


class Doing:
    """Runs what is not finished.

    Args:
        settings, workers, registry, executor: as `run_all` takes them.
        report: progress.
        board: what a dashboard shows of it; None without one.

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
        board: Board | None = None,
    ) -> None:
        self.settings, self.workers, self.report, self.registry = settings, workers, report, registry
        self.executor, self.board = executor, board
        self.failures: dict[str, str] = {}
        self.computed = 0
        self._view: View

    @contextmanager
    def shown(self, name: str, total: int) -> Iterator[None]:
        """Show inside the block how a study of so many runs stands."""
        with shown(self.report, Standing(total, self.workers), name) as self._view:
            yield

    def run(self, wanted: Sequence[Job]) -> None:
        """Run what is not finished."""
        left = []
        for job in wanted:
            done = is_done(self.settings.place, job)
            self._view.standing.want(job, is_done=done)
            left += [] if done else [job]
            if done and self.board is not None:
                self.board.end(job)
        settings, begin = self.settings, self._begin
        for outcome in run_all(left, settings, self.workers, self.registry, self.executor, begin):
            if outcome.failure:
                self.failures[outcome.job.directory] = outcome.failure
            else:
                self.computed += 1
            self._view.end(outcome.job, outcome.failure)
            if self.board is not None:
                self.board.end(outcome.job, outcome.failure)

    def _begin(self, job: Job) -> None:
        self._view.begin(job)
        if self.board is not None:
            self.board.begin(job)

    def skip(self, count: int) -> None:
        """Count runs that pruning saves."""
        self._view.standing.skipped += count

    def prune(self, combination: Combination, why: str) -> None:
        """Take a combination that is not run with further seeds."""
        if self.board is not None:
            self.board.prune(combination, why)

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
    with doing.shown(file.name, file.samples * len(file.seeds)):
        while drawn := sampler.ask():
            mine: list[list[Job]] = [[] for _ in drawn]
            for step, seed in enumerate(file.seeds):
                new = [
                    (i, job_of(file, one.combination, seed)) for i, one in enumerate(drawn) if not one.pruned
                ]
                doing.run([job for _, job in new])
                doing.skip(len(drawn) - len(new))
                for i, job in new:
                    mine[i].append(job)
                if step + 1 < len(file.seeds) and not others:
                    so_far = [doing.means(own, file.measures).get(only) for own in mine]
                    sampler.report(drawn, so_far, step)
            sampler.tell(drawn, [doing.means(own, file.measures) for own in mine])
            for one in drawn:
                if one.pruned:
                    pruned[one.combination.name] = one.pruned
                    doing.prune(one.combination, one.pruned)
            wanted += [job for own in mine for job in own]
    return list({job.directory: job for job in wanted}.values()), pruned
