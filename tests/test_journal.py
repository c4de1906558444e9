"""The trial journal survives what kills a process."""

from __future__ import annotations

import fcntl
import json
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
    with pytest.raises(RunDirectoryError, match=r"is damaged: line 2: .*Remove that line"):
        TrialJournal(path)


NO_TRIALS = ["3", "null", "[]", "{}", '{"op_code": 4}', '{"op_code": 0, "worker_id": "", "study_name": "x"}']


@pytest.mark.parametrize("line", NO_TRIALS)
def test_json_that_is_no_trial_is_named_by_its_number(line: str, tmp_path: Path) -> None:
    path = tmp_path / "trials.journal"
    TrialJournal(path).add(trial(0))
    TrialJournal(path).add(trial(1))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], f"{line}\n", *lines[2:]]))
    with pytest.raises(RunDirectoryError, match=r"trials\.journal is damaged: line 3: it "):
        TrialJournal(path)
    path.write_text("".join([f"{line}\n", *lines]))
    with pytest.raises(RunDirectoryError, match=r"line 1: it .*Remove it to search from the start"):
        TrialJournal(path)


def test_a_flipped_byte_of_a_trial_is_found_and_its_line_can_be_removed(tmp_path: Path) -> None:
    path = tmp_path / "trials.journal"
    journal = TrialJournal(path)
    for index in range(3):
        journal.add(trial(index, score=0.25))
    lines = path.read_text().splitlines(keepends=True)
    for old, new in (('"value":0.25', '"value":0.35'), ('"key":"k1"', '"key":"k3"'), ('[1,"x"]', '[5,"x"]')):
        assert old in lines[2]
        path.write_text("".join([*lines[:2], lines[2].replace(old, new), *lines[3:]]))
        with pytest.raises(
            RunDirectoryError, match=r"line 3: its checksum is wrong\. Remove that line to score"
        ):
            TrialJournal(path)
    path.write_text("".join([*lines[:2], *lines[3:]]))
    assert [t.index for t in TrialJournal(path).trials] == [0, 2]


def test_trials_of_earlier_versions_have_no_checksum(tmp_path: Path) -> None:
    path = tmp_path / "trials.journal"
    TrialJournal(path).add(trial(0))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    del lines[1]["user_attrs"]["checksum"]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert TrialJournal(path).trials == [trial(0)]


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


def test_dashboard_has_parameters_and_durations(tmp_path: Path) -> None:
    journal = TrialJournal(tmp_path / "trials.journal")
    values = {"acme:size": 12.0, "acme:rate": -0.5, "acme:none": float("nan")}
    journal.add(Trial(index=0, genotype=[1, "a"], key="k", score=2.0, values=values, seconds=1.5))
    journal.add(Trial(index=1, genotype="b c", key="l", score=float("nan"), seconds=0.5))
    first, second = TrialJournal(tmp_path / "trials.journal")._study.get_trials()
    assert first.params == {"genotype": '[1, "a"]', "size": 12.0, "rate": -0.5}
    assert second.params == {"genotype": "b c"}
    assert [trial.duration.total_seconds() for trial in (first, second)] == [1.5, 0.5]
