"""What is known of the candidates of a search: every one is in the journal as soon as it has been scored."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping

import attrs

from snnplug.contracts import Trial
from snnplug.engine.scoring.evaluator import Scored
from snnplug.engine.session import Session
from snnplug.runs.journal import Failure, TrialJournal

__all__ = ["Trials"]


class Trials:
    """The trials of a run, by the candidate's key, without those of candidates that are scored again.

    Args:
        session: of the run, whose directory has the journal.
        references: keys of networks that are scored whatever the limits of the search.
        level: of their rung.
    """

    def __init__(self, session: Session, references: Collection[str] = (), level: int = 0) -> None:
        name = f"trials-{level}.journal" if level else "trials.journal"
        self.session, self.name, self.level, directory = session, name, level, session.directory
        self._journal = TrialJournal(directory.file(name))
        session.check_origin(name, self._journal.origin)
        with directory.storage_errors(name):
            self._journal.note_origin(session.origin)
        again = self._scored_again(references)
        self._known = {trial.key: trial for trial in self._journal.trials if trial.key not in again}
        self._track(*self._known.values())

    @property
    def failures(self) -> Mapping[str, Failure]:
        """Why candidates have no score or were refused, by key, as far as it was recorded."""
        return self._journal.failures

    def __contains__(self, key: object) -> bool:
        return key in self._known

    def __getitem__(self, key: str) -> Trial:
        """Return a trial as it was scored."""
        return self._known[key]

    def beyond(self, key: str) -> Mapping[str, float]:
        """Return what a candidate has beyond limits of the search, nothing if it is within them."""
        failure = self.failures.get(key)
        return {} if failure is None else failure.beyond

    def keep(self, scored: Iterable[Scored]) -> Iterator[Scored]:
        """Yield what is scored, each once it is on the disk."""
        for one in scored:
            with self.session.directory.storage_errors(self.name):
                self._known[one.trial.key] = self._journal.add(one.trial, self._failure_of(one))
            self._track(self._known[one.trial.key])
            for line, details in one.failures:
                self.session.lament(line, details)
            yield one

    def _track(self, *trials: Trial) -> None:
        self.session.tracking.trials(attrs.evolve(trial, rung=self.level) for trial in trials)

    def _failure_of(self, scored: Scored) -> Failure | None:
        if math.isfinite(scored.trial.score) and not scored.beyond:
            return None
        origin, plugin = self.session.origin, scored.plugin
        return Failure(
            reason=scored.reason,
            plugin=plugin,
            version=origin.versions.get(plugin, ""),
            content=origin.contents.get(plugin, ""),
            beyond=dict(scored.beyond),
        )

    def _scored_again(self, references: Collection[str]) -> set[str]:
        """Return the keys of the candidates that failed and are scored again: on request, or mended."""
        last = {trial.key: trial for trial in self._journal.trials}
        failed = {key for key, trial in last.items() if not math.isfinite(trial.score)}
        failed -= {key for key in failed if self.beyond(key) and key not in references}
        origin = self.session.origin
        mended = {key for key in failed & set(self.failures) if self.failures[key].is_mended(origin)}
        again = failed if self.session.retry_failed else mended
        if again:
            why = "as asked for" if self.session.retry_failed else "what they failed by has changed"
            self.session.report.say(
                f"note: candidates that had failed are scored again, {why}: {len(again)}; the search is "
                "asked from the start and answered from its journal"
            )
        return again
