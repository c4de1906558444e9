"""How a study stands: what of each combination is done, runs, has failed or waits, and the time left."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import attrs

from snnplug.engine.studies.combinations import Job

__all__ = ["Share", "Standing"]


@attrs.define
class Share:
    """The runs of one combination.

    Attributes:
        labels: its values in a few words, by axis.
        wanted, done, failed: numbers of runs; those done include what was done before.
        running: when each seed that runs has begun.
        seconds: that runs have taken which ended here.
    """

    labels: Mapping[str, str]
    wanted: int = 0
    done: int = 0
    failed: int = 0
    running: dict[int, float] = attrs.field(factory=dict)
    seconds: list[float] = attrs.field(factory=list)

    @property
    def waiting(self) -> int:
        """Runs that have not begun."""
        return self.wanted - self.done - self.failed - len(self.running)


class Standing:
    """What the runs of a study have come to.

    Args:
        total: runs of the study; a sampler says which they are only round by round.
        workers: runs at a time.
        clock: seconds.
    """

    def __init__(self, total: int, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.workers, self.clock = total, workers, clock
        self.shares: dict[str, Share] = {}
        self.skipped = 0  # runs that pruning has saved
        self.began = clock()

    @property
    def done(self) -> int:
        """Runs with a result, and those that pruning has saved."""
        return self.skipped + sum(share.done for share in self.shares.values())

    @property
    def failed(self) -> int:
        """Runs without a result."""
        return sum(share.failed for share in self.shares.values())

    @property
    def running(self) -> int:
        """Runs that go on."""
        return sum(len(share.running) for share in self.shares.values())

    def want(self, job: Job, *, is_done: bool) -> None:
        """Take a run that is to be done, or is done already."""
        share = self._share(job)
        share.wanted += 1
        share.done += is_done

    def begin(self, job: Job) -> None:
        """Take a run that begins; once more where its process has died."""
        self._share(job).running[job.seed] = self.clock()

    def end(self, job: Job, *, failed: bool) -> float:
        """Take a run that has ended, and return the seconds that it took."""
        share, now = self._share(job), self.clock()
        seconds = now - share.running.pop(job.seed, now)
        share.failed += failed
        share.done += not failed
        if not failed:
            share.seconds.append(seconds)
        return seconds

    def left(self) -> float | None:
        """Return the seconds that are left, by the mean time of runs so far; None before the first has ended.

        Combinations that have been run are expected to take as long as they did, the others as long as these.
        """
        taken = [seconds for share in self.shares.values() for seconds in share.seconds]
        if not taken:
            return None
        usual, now, work, longest = statistics.fmean(taken), self.clock(), 0.0, 0.0
        unknown = self.total - self.skipped - sum(share.wanted for share in self.shares.values())
        for share in self.shares.values():
            each = statistics.fmean(share.seconds) if share.seconds else usual
            rest = [max(each - (now - began), 0.0) for began in share.running.values()]
            work += each * share.waiting + sum(rest)
            longest = max([longest, *rest, each if share.waiting else 0.0])
        return max((work + usual * max(unknown, 0)) / self.workers, longest)

    def _share(self, job: Job) -> Share:
        name = job.combination.name
        if name not in self.shares:
            self.shares[name] = Share(job.combination.labels)
        return self.shares[name]
