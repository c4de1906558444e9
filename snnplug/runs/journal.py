"""The trial journal of a search: one writer, appended trial by trial, readable after any crash.

It is an Optuna journal, so that Optuna's dashboard and samplers work on it. Two things
are ours: a lock that goes with the process (Optuna's own outlives a killed one by half a
minute), and cutting a torn last line (Optuna could never read the file again).
"""

from __future__ import annotations

import datetime
import json
import logging
import math
import os
from pathlib import Path
from typing import Any

import attrs
from filelock import FileLock

from snnplug.contracts import Trial
from snnplug.errors import one_line
from snnplug.runs.journal_lines import STUDY, Failure, damaged_journal, read_lines, to_line
from snnplug.runs.records import Origin

__all__ = ["Failure", "TrialJournal", "cut_torn_tail", "journal_storage"]


class _Lock:
    """Optuna's lock interface on a lock that the system drops with the process."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(f"{path}.lock")

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()


def cut_torn_tail(path: Path) -> int:
    """Remove an unfinished last line, as a crash or a full disk leaves it; return its length."""
    if not path.exists():
        return 0
    with open(path, "rb+") as handle:
        content = handle.read()
        keep = content.rfind(b"\n") + 1
        if keep == len(content):
            return 0
        handle.truncate(keep)
        handle.flush()
        os.fsync(handle.fileno())
    return len(content) - keep


def journal_storage(path: Path) -> Any:
    """Return Optuna's storage on a journal file, which is made if it is not there."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(path), lock_obj=_Lock(path)))  # type: ignore[arg-type]


class TrialJournal:
    """Evaluated trials, in order; of a candidate that was scored again the last one counts.

    Args:
        path: the journal file; made if it is not there.

    Attributes:
        trials: what was scored; NaN for what has no score, infinite ones too.
        failures: why, by the candidate's key, as far as it was recorded.
        origin: what they were last computed with, None where an earlier snnplug has not said so.

    Raises:
        RunDirectoryError: it is damaged beyond its last line.
    """

    def __init__(self, path: Path) -> None:
        import optuna

        logging.getLogger("optuna").setLevel(logging.WARNING)
        cut_torn_tail(path)
        found = read_lines(path)
        self.trials, self.failures, self.origin = found.trials, found.failures, found.origin
        try:
            self._study = optuna.create_study(
                storage=journal_storage(path), study_name=STUDY, load_if_exists=True, direction="maximize"
            )
            count = len(self._study.get_trials(deepcopy=False))
        except Exception as error:  # it raises whatever it stumbles over
            raise damaged_journal(path, one_line(error)) from error
        if count != len(self.trials):
            raise damaged_journal(path, f"it has {len(self.trials)} trials, of which Optuna reads {count}")
        self._optuna: Any = optuna

    def note_origin(self, origin: Origin) -> None:
        """Record what the trials are computed with from here on."""
        if origin != self.origin:
            self._study.set_user_attr("made_with", attrs.asdict(origin))
            self.origin = origin

    def add(self, trial: Trial, failure: Failure | None = None) -> Trial:
        """Append a trial; when this returns it is on the disk.

        Returns:
            The trial as the journal will give it back: JSON has no infinity.
        """
        failed = not math.isfinite(trial.score)
        state = self._optuna.trial.TrialState
        kept = attrs.evolve(trial, score=math.nan) if failed else trial
        params, distributions = self._shown(trial)
        now = datetime.datetime.now()
        self._study.add_trial(
            self._optuna.trial.FrozenTrial(
                number=0,
                trial_id=0,
                state=state.FAIL if failed else state.COMPLETE,
                value=None if failed else trial.score,
                datetime_start=now - datetime.timedelta(seconds=trial.seconds),
                datetime_complete=now,
                params=params,
                distributions=distributions,
                user_attrs=to_line(kept, failure),
                system_attrs={},
                intermediate_values={},
            )
        )
        self.trials.append(kept)
        self.failures.pop(kept.key, None)
        if failure is not None:
            self.failures[kept.key] = failure
        return kept

    def _shown(self, trial: Trial) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what Optuna's dashboard shows as parameters: the genotype, and what is known of it."""
        known = self._optuna.distributions
        genotype = trial.genotype if isinstance(trial.genotype, str) else json.dumps(trial.genotype)
        numbers = {
            name.rpartition(":")[2]: float(value)
            for name, value in trial.values.items()
            if math.isfinite(value)
        }
        ranges = {name: known.FloatDistribution(min(0.0, v), max(1.0, v)) for name, v in numbers.items()}
        return (
            {"genotype": genotype, **numbers},
            {"genotype": known.CategoricalDistribution((genotype,)), **ranges},
        )
