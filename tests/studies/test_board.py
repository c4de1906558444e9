"""`snnplug study --dashboard`: every combination as a trial, while the study goes on."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from toy_study import TEXT

from snnplug.engine.progress import Reporter
from snnplug.engine.studies import dashboard
from snnplug.engine.studies import study as module
from snnplug.engine.studies.combinations import combinations, jobs
from snnplug.engine.studies.dashboard import BOARD, Board
from snnplug.engine.studies.file import read_study
from snnplug.engine.studies.study import study
from snnplug.errors import UsageError
from snnplug.runs.directory import RunDirectory
from snnplug.runs.journal import journal_storage

STATES = optuna.trial.TrialState
ONE = TEXT.replace('"spikes_per_sample" = "min"\n', "")


@pytest.fixture(autouse=True)
def not_served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Leave out the process that serves it, which tests/engine/test_dashboard.py looks at."""
    from contextlib import nullcontext

    served: list[tuple[Any, ...]] = []
    monkeypatch.setattr(module, "need_dashboard", lambda: None)
    monkeypatch.setattr(module, "serve_dashboard", lambda *what: served.append(what) or nullcontext())
    return served


def trials(folder: Path) -> list[Any]:
    found = optuna.load_study(storage=journal_storage(folder / BOARD), study_name="widths")
    return found.get_trials(deepcopy=False)


def test_every_combination_is_a_trial_with_what_was_measured(
    registry: Any, study_file: Any, tmp_path: Path, not_served: list[tuple[Any, ...]]
) -> None:
    done = study(study_file(), out=tmp_path / "s", registry=registry, dashboard=True)
    assert done is not None
    assert [what[1:] for what in not_served] == [(BOARD, "study")]
    found = trials(tmp_path / "s")
    assert [trial.params for trial in found] == [
        {"neuron.tau": tau, "train.epochs": epochs} for tau in (2.0, 4.0) for epochs in (1, 3)
    ]
    for trial, row in zip(found, done.answer.rows, strict=True):
        assert trial.state == STATES.COMPLETE
        assert trial.values == pytest.approx([cell.mean.value for cell in row.cells.values()])  # type: ignore[union-attr]
        runs = trial.user_attrs["runs"]
        assert {int(seed): run["directory"] for seed, run in runs.items()} == row.runs
        assert {int(s): r["accuracy.test"] for s, r in runs.items()} == row.cells["accuracy.test"].values
    study_of = optuna.load_study(storage=journal_storage(tmp_path / "s" / BOARD), study_name="widths")
    assert [way.name for way in study_of.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study_of.metric_names == ["accuracy.test", "spikes_per_sample"]


def test_the_study_is_the_same_with_it(registry: Any, study_file: Any, tmp_path: Path) -> None:
    study(study_file(), out=tmp_path / "without", registry=registry)
    study(study_file(), out=tmp_path / "with", registry=registry, dashboard=True)
    one, other = [json.loads((tmp_path / name / "answer.json").read_text()) for name in ("without", "with")]
    assert one == other


def test_asked_again_it_is_made_anew_of_what_is_there(registry: Any, study_file: Any, tmp_path: Path) -> None:
    study(study_file(ONE), out=tmp_path / "s", registry=registry)
    assert not (tmp_path / "s" / BOARD).exists()
    for _ in range(2):
        study(study_file(ONE), out=tmp_path / "s", registry=registry, dashboard=True)
        assert [trial.state for trial in trials(tmp_path / "s")] == [STATES.COMPLETE] * 4


def test_it_is_told_while_the_study_goes_on(registry: Any, study_file: Any, tmp_path: Path) -> None:
    path = study_file(ONE)
    study(path, out=tmp_path / "s", registry=registry)
    file = read_study(path)
    wanted = jobs(file, combinations(file))
    board = Board(file, RunDirectory(tmp_path / "s"), Reporter(quiet=True))
    assert trials(tmp_path / "s") == []
    board.begin(wanted[0])
    (trial,) = trials(tmp_path / "s")
    assert trial.state == STATES.RUNNING and trial.params == {"neuron.tau": 2.0, "train.epochs": 1}
    mine = [job for job in wanted if job.combination == wanted[0].combination]
    board.end(mine[0])
    (trial,) = trials(tmp_path / "s")
    assert trial.state == STATES.RUNNING and list(trial.intermediate_values) == [1]
    board.end(mine[1], "no luck")
    board.end(mine[2])
    (trial,) = trials(tmp_path / "s")
    runs = [run["accuracy.test"] for run in trial.user_attrs["runs"].values()]
    assert trial.state == STATES.COMPLETE and trial.value == pytest.approx(sum(runs) / 2)
    assert trial.intermediate_values == {1: runs[0], 2: pytest.approx(trial.value)}
    assert trial.user_attrs["failures"] == {"1": "no luck"}
    for job in wanted:
        if job.combination == wanted[1].combination:
            board.end(job, "no luck")
    board.prune(wanted[2].combination, "worse than the median")
    assert [trial.state for trial in trials(tmp_path / "s")] == [STATES.COMPLETE, STATES.FAIL, STATES.PRUNED]


def test_drawn_combinations_have_their_ranges(registry: Any, study_file: Any, tmp_path: Path) -> None:
    text = """
seeds = 1
samples = 5
round_size = 2
[axes]
loss = [{ use = "toy", scale = 1.0 }, { use = "toy", scale = 2.0 }]
[ranges]
"train.optimizer.lr" = { low = 1e-3, high = 1e-1, log = true }
"train.epochs" = { low = 1, high = 2 }
[measures]
"accuracy.test" = "max"
"""
    study(study_file(text), out=tmp_path / "s", registry=registry, dashboard=True)
    found = trials(tmp_path / "s")
    assert len(found) == 5 and {trial.state for trial in found} == {STATES.COMPLETE}
    for trial in found:
        assert trial.params["loss"] in ("toy (scale = 1.0)", "toy (scale = 2.0)")
        assert trial.distributions["train.optimizer.lr"].log
        assert isinstance(trial.params["train.epochs"], int)


def test_one_that_cannot_be_written_costs_the_study_nothing(
    registry: Any,
    study_file: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(path: Path) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dashboard, "journal_storage", full)
    done = study(study_file(), out=tmp_path / "s", registry=registry, dashboard=True, quiet=False)
    assert done is not None and done.computed == 12
    assert capsys.readouterr().err.count("the dashboard is not told any more") == 1


def test_what_is_missing_is_said_before_anything_starts(
    registry: Any, study_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snnplug.engine.dashboard import need_dashboard

    monkeypatch.setattr(module, "need_dashboard", need_dashboard)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "optuna_dashboard" else find(name, *a)
    )
    with pytest.raises(UsageError, match=r"pip install 'snnplug\[dashboard\]'"):
        study(study_file(), out=tmp_path / "s", registry=registry, dashboard=True)
    assert not (tmp_path / "s").exists()
