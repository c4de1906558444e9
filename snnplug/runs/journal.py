"""The trial journal of a search: one writer, appended trial by trial, readable after any crash.

It is an Optuna journal, so that Optuna's dashboard and samplers work on it. Two things
are ours: a lock that goes with the process (Optuna's own outlives a killed one by half a
minute), and cutting a torn last line (Optuna could never read the file again).
"""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path
from typing import Any

from filelock import FileLock

from snnplug.contracts import Trial
from snnplug.errors import RunDirectoryError

__all__ = ["TrialJournal", "cut_torn_tail", "journal_storage"]

STUDY = "search"


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
    """Evaluated trials, in order.

    Args:
        path: the journal file; made if it is not there.

    Raises:
        RunDirectoryError: it is damaged beyond its last line.
    """

    def __init__(self, path: Path) -> None:
        import optuna

        logging.getLogger("optuna").setLevel(logging.WARNING)
        cut_torn_tail(path)
        try:
            self._study = optuna.create_study(
                storage=journal_storage(path), study_name=STUDY, load_if_exists=True, direction="maximize"
            )
            self.trials = [_from_optuna(frozen) for frozen in self._study.get_trials(deepcopy=False)]
        except (ValueError, KeyError, AttributeError) as error:
            raise RunDirectoryError(
                f"the trial journal {path} is damaged ({error}); remove it to search from the start"
            ) from error
        self._optuna: Any = optuna

    def add(self, trial: Trial) -> None:
        """Append a trial; when this returns it is on the disk."""
        failed = not math.isfinite(trial.score)
        state = self._optuna.trial.TrialState
        self._study.add_trial(
            self._optuna.trial.create_trial(
                state=state.FAIL if failed else state.COMPLETE,
                value=None if failed else trial.score,
                user_attrs={
                    "index": trial.index,
                    "genotype": trial.genotype,
                    "key": trial.key,
                    "values": dict(trial.values),
                    "seconds": trial.seconds,
                },
            )
        )
        self.trials.append(trial)


def _from_optuna(frozen: Any) -> Trial:
    attributes = frozen.user_attrs
    score = frozen.value if frozen.value is not None else math.nan
    return Trial(
        index=attributes["index"],
        genotype=attributes["genotype"],
        key=attributes["key"],
        score=score,
        values=attributes["values"],
        seconds=attributes["seconds"],
    )
