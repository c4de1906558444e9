"""The trial journal survives what kills a process."""

from __future__ import annotations

import fcntl
import math
import subprocess
import sys
from pathlib import Path

import pytest

from snnplug import Trial
from snnplug.errors import RunDirectoryError
from snnplug.runs.journal import TrialJournal, cut_torn_tail

pytest.importorskip("optuna")


def trial(index: int, score: float = 1.0) -> Trial:
    return Trial(
        index=index, genotype=[index, "x"], key=f"k{index}", score=score, values={"size": 3.0}, seconds=0.5
    )


def test_round_trip_in_order(tmp_path: Path) -> None:
    path = tmp_path / "trials.journal"
    journal = TrialJournal(path)
    for index in range(5):
        journal.add(trial(index, score=index / 3))
    assert TrialJournal(path).trials == [trial(index, score=index / 3) for index in range(5)]


def test_failed_trial_stays_nan(tmp_path: Path) -> None:
    journal = TrialJournal(tmp_path / "trials.journal")
    journal.add(trial(0, math.nan))
    (back,) = TrialJournal(tmp_path / "trials.journal").trials
    assert math.isnan(back.score)
    assert back.key == "k0"


def test_every_cut_leaves_a_readable_journal(tmp_path: Path) -> None:
    path = tmp_path / "trials.journal"
    journal = TrialJournal(path)
    for index in range(4):
        journal.add(trial(index))
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        again = TrialJournal(path)
        count = len(again.trials)
        assert again.trials == [trial(index) for index in range(count)]
        again.add(trial(count))
        assert len(TrialJournal(path).trials) == count + 1


def test_cut_says_how_much(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    assert cut_torn_tail(path) == 0
    path.write_bytes(b"whole\ntorn")
    assert cut_torn_tail(path) == 4
    assert path.read_bytes() == b"whole\n"
    assert cut_torn_tail(path) == 0


def test_damage_in_the_middle_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "trials.journal"
    TrialJournal(path).add(trial(0))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"rubbish\n" + b"".join(lines[1:]))
    with pytest.raises(RunDirectoryError, match=r"is damaged.*remove it"):
        TrialJournal(path)


def test_readable_by_optuna_itself(tmp_path: Path) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    journal = TrialJournal(tmp_path / "trials.journal")
    journal.add(trial(0, 1.0))
    journal.add(trial(1, 3.0))
    study = optuna.load_study(
        study_name="search", storage=JournalStorage(JournalFileBackend(str(tmp_path / "trials.journal")))
    )
    assert study.best_trial.user_attrs["key"] == "k1"


HOLD = """
import sys
from pathlib import Path
from snnplug.runs.journal import _Lock
lock = _Lock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_lock_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    path = tmp_path / "trials.journal"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with open(f"{path}.lock") as handle, pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder.kill()
    TrialJournal(path).add(trial(0))
    assert len(TrialJournal(path).trials) == 1
