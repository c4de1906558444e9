"""When a checkpoint in the middle of an epoch is due, on which all processes of a run are of one mind."""

from __future__ import annotations

import time

from snnplug.engine.session import Session

__all__ = ["Pace"]


class Pace:
    """Counts steps of the optimizer, and asks the leading process's clock now and then.

    The processes meet for that after 1, 2, 4, ... steps and half way to where the time will be up, so that
    it costs nothing, and a step that is slower than those before cannot put it off for long.

    Args:
        session: of the run.
        minutes: between two checkpoints; 0 for none.
    """

    def __init__(self, session: Session, minutes: float) -> None:
        self.session, self.seconds = session, 60 * minutes
        self.begin()

    def begin(self) -> None:
        """Begin to count: everything has been saved."""
        self.since, self.steps, self.meeting = time.perf_counter(), 0, 1

    def due(self) -> bool:
        """Return whether a checkpoint is due after this step, in every process the same."""
        self.steps += 1
        if not self.seconds or self.steps < self.meeting:
            return False
        ahead = self.session.share(self._ahead())
        self.meeting = self.steps + ahead
        return ahead == 0

    def _ahead(self) -> int:
        """Return how many steps on to meet again, 0 where the time is up."""
        spent = time.perf_counter() - self.since
        if spent >= self.seconds:
            return 0
        return max(1, min(self.steps, int((self.seconds / spent - 1) * self.steps / 2)))
