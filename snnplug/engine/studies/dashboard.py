"""What Optuna's dashboard shows of a study: a trial for each combination, in a journal of its own.

A trial begins with the first run of its combination and ends with the last one. Its values are means over
the seeds; those of a single measure are shown from the first seed on. The journal is made anew by each
command, from the runs that are there, and nothing else of the study reads it.
"""

from __future__ import annotations

import logging
import statistics
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from snnplug.engine.progress import Reporter
from snnplug.engine.studies.answer import values_of
from snnplug.engine.studies.combinations import Combination, Job
from snnplug.engine.studies.file import StudyFile
from snnplug.engine.studies.ranges import Range
from snnplug.errors import RunDirectoryError, in_one_line, one_line
from snnplug.runs.directory import RunDirectory
from snnplug.runs.journal import journal_storage

__all__ = ["BOARD", "Board"]

BOARD = "dashboard.journal"
"""Its name in the directory of the study."""


@attrs.define
class _Trial:
    """A combination in the journal, and what its runs have come to, by seed."""

    number: int
    runs: dict[int, Mapping[str, Any]] = attrs.field(factory=dict)
    failures: dict[int, str] = attrs.field(factory=dict)
    over: bool = False


class Board:
    """Writes the journal.

    Args:
        file: what was asked.
        directory: of the study.
        report: where it is said that the journal cannot be written, which costs the study nothing.
    """

    def __init__(self, file: StudyFile, directory: RunDirectory, report: Reporter) -> None:
        self._file, self._place, self._report = file, directory.path / "runs", report
        self._trials: dict[str, _Trial] = {}
        self._on = True
        self._storage: Any = None
        self._try(self._make, directory.file(BOARD))

    def begin(self, job: Job) -> None:
        """Take a run that begins."""
        self._try(self._trial, job.combination)

    def end(self, job: Job, failure: str = "") -> None:
        """Take a run that has ended, now or before; `failure` says why it has no result."""
        self._try(self._end, job, failure)

    def prune(self, combination: Combination, why: str) -> None:
        """Take a combination that is not run with further seeds."""
        self._try(self._prune, combination, why)

    def _try(self, write: Callable[..., object], *what: Any) -> None:
        if not self._on:
            return
        try:
            write(*what)
        except Exception as error:  # a full disk, or whatever Optuna stumbles over
            self._on = False
            self._report.say(f"note: the dashboard is not told any more: {one_line(error)}")

    def _make(self, journal: Path) -> None:
        import optuna

        logging.getLogger("optuna").setLevel(logging.WARNING)
        journal.unlink(missing_ok=True)
        self._optuna, self._storage = optuna, journal_storage(journal)
        directions = optuna.study.StudyDirection
        ways = {"max": directions.MAXIMIZE, "min": directions.MINIMIZE}
        study = optuna.create_study(
            storage=self._storage,
            study_name=self._file.name,
            directions=[ways[way] for way in self._file.measures.values()],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an experiment of Optuna's
            study.set_metric_names(list(self._file.measures))
        self._study = study._study_id
        self._distributions = {key: self._choices(key, values) for key, values in self._file.axes.items()}
        self._distributions |= {key: self._between(span) for key, span in self._file.ranges.items()}

    def _choices(self, key: str, values: Sequence[Any]) -> Any:
        shown = dict.fromkeys(_shown(Combination({key: value}), key) for value in values)
        return self._optuna.distributions.CategoricalDistribution(list(shown))

    def _between(self, span: Range) -> Any:
        known: Any = self._optuna.distributions
        kind = known.IntDistribution if span.whole else known.FloatDistribution
        return kind(span.low, span.high, log=span.log)

    def _trial(self, combination: Combination) -> _Trial:
        """Return the trial of a combination, which begins if it has not."""
        if combination.name not in self._trials:
            template = self._optuna.trial.create_trial(
                state=self._optuna.trial.TrialState.RUNNING,
                params={key: _shown(combination, key) for key in self._distributions},
                distributions=self._distributions,
            )
            number = self._storage.create_new_trial(self._study, template_trial=template)
            self._trials[combination.name] = _Trial(number)
        return self._trials[combination.name]

    def _end(self, job: Job, failure: str) -> None:
        trial, measures = self._trial(job.combination), list(self._file.measures)
        try:
            if not failure:
                trial.runs[job.seed] = values_of(self._place, job, measures) | {"directory": job.directory}
        except RunDirectoryError as error:  # it was damaged since
            failure = in_one_line(str(error))
        if failure:
            trial.failures[job.seed] = failure
        if trial.over:
            return
        self._note(trial, "runs", trial.runs)
        self._note(trial, "failures", trial.failures)
        means, states = self._means(trial), self._optuna.trial.TrialState
        if len(measures) == 1 and means:
            self._storage.set_trial_intermediate_value(trial.number, len(trial.runs), means[0])
        if len(trial.runs) + len(trial.failures) >= len(self._file.seeds):
            self._finish(trial, states.COMPLETE if means else states.FAIL, means or None)

    def _prune(self, combination: Combination, why: str) -> None:
        trial = self._trial(combination)
        if not trial.over:
            self._storage.set_trial_user_attr(trial.number, "pruned", why)
            self._finish(trial, self._optuna.trial.TrialState.PRUNED)

    def _note(self, trial: _Trial, name: str, by_seed: Mapping[int, Any]) -> None:
        if by_seed:
            found = {str(seed): one for seed, one in by_seed.items()}
            self._storage.set_trial_user_attr(trial.number, name, found)

    def _finish(self, trial: _Trial, state: Any, values: list[float] | None = None) -> None:
        self._storage.set_trial_state_values(trial.number, state, values)
        trial.over = True

    def _means(self, trial: _Trial) -> list[float]:
        """Return the mean of each measure over the runs so far; none where a run has not all of them."""
        measures, runs = self._file.measures, trial.runs.values()
        if not runs or not all(measure in run for measure in measures for run in runs):
            return []
        return [statistics.fmean(run[measure] for run in runs) for measure in measures]


def _shown(combination: Combination, key: str) -> Any:
    """Return a value as Optuna takes it: a number or text as it is, a table or list in a few words."""
    value = combination.values[key]
    return value if isinstance(value, bool | int | float | str) else combination.labels[key]
