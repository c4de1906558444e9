"""A study of toys: what is run, what is gone on with, and what comes out."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import attrs
import pytest
from toy_study import TEXT

import snnplug
from snnplug.engine.studies.study import study
from snnplug.errors import RecipeError, RunDirectoryError, RunFailed, UsageError
from snnplug.statistics.paired import holm, paired_test


def times(folder: Path) -> dict[str, int]:
    """When each run was finished."""
    return {file.parent.name: file.stat().st_mtime_ns for file in folder.glob("runs/*/summary.json")}


def test_every_combination_is_a_run_of_its_own(registry: Any, study_file: Any, tmp_path: Path) -> None:
    done = study(study_file(), out=tmp_path / "s", registry=registry)
    assert done is not None and done.computed == 12
    assert len(times(tmp_path / "s")) == 12
    answer = done.answer
    assert answer.axes == {"neuron.tau": ["2.0", "4.0"], "train.epochs": ["1", "3"]}
    for row in answer.rows:
        for seed, name in row.runs.items():
            run = snnplug.load(tmp_path / "s" / "runs" / name, registry=registry)
            assert run.recipe.seed == seed
            assert str(run.recipe.train.epochs) == row.values["train.epochs"]
            for measure, cell in row.cells.items():
                plain = (
                    run.summary["accuracy"]["test"] if measure == "accuracy.test" else run.summary[measure]
                )
                assert cell.values[seed] == plain
    assert [row.baseline for row in answer.rows] == [True, False, False, False]
    assert any(row.front for row in answer.rows)


def test_the_answer_is_what_its_numbers_say(registry: Any, study_file: Any, tmp_path: Path) -> None:
    done = study(study_file(), out=tmp_path / "s", registry=registry)
    assert done is not None
    for measure, way in done.answer.measures.items():
        base, *others = [row.cells[measure] for row in done.answer.rows]
        tests = [
            paired_test([cell.values[seed] for seed in range(3)], [base.values[seed] for seed in range(3)])
            for cell in others
        ]
        corrected = holm([test.p or 0.0 for test in tests])
        for cell, test, p in zip(others, tests, corrected, strict=True):
            assert cell.mean is not None
            assert cell.mean.value == pytest.approx(sum(cell.values.values()) / 3)
            assert cell.difference is not None and cell.pairs == 3 and cell.p == p
            assert attrs.astuple(cell.difference) == attrs.astuple(test.difference)
            better = (test.difference.value > 0) == (way == "max")
            assert cell.verdict == ("not distinguishable" if p >= 0.05 else "better" if better else "worse")
        assert base.verdict == "" and base.difference is None


def test_files_of_the_answer(registry: Any, study_file: Any, tmp_path: Path) -> None:
    study(study_file(), out=tmp_path / "s", registry=registry)
    plain = json.loads((tmp_path / "s" / "answer.json").read_text())
    lines = list(csv.DictReader((tmp_path / "s" / "answer.csv").read_text().splitlines()))
    assert len(lines) == 8 and lines[0]["verdict"] == "baseline"
    cell = plain["rows"][3]["cells"]["spikes_per_sample"]
    assert float(lines[7]["mean"]) == cell["mean"]["value"]
    assert [float(lines[7][f"seed {seed}"]) for seed in range(3)] == list(cell["values"].values())
    page = (tmp_path / "s" / "report.html").read_text()
    assert page.count("<table>") == 2 and page.count("<figure>") == 3 and "the baseline" in page


def test_asked_again_nothing_is_computed(registry: Any, study_file: Any, tmp_path: Path) -> None:
    before = study(study_file(), out=tmp_path / "s", registry=registry)
    seen = times(tmp_path / "s")
    after = study(study_file(), out=tmp_path / "s", registry=registry)
    assert before is not None and after is not None
    assert after.computed == 0 and times(tmp_path / "s") == seen
    assert after.answer == before.answer


def test_a_new_value_or_seed_computes_what_is_new(registry: Any, study_file: Any, tmp_path: Path) -> None:
    study(study_file(), out=tmp_path / "s", registry=registry)
    seen = times(tmp_path / "s")
    more = TEXT.replace("[2.0, 4.0]", "[2.0, 4.0, 8.0]").replace("[0, 1, 2]", "[0, 1, 2, 5]")
    after = study(study_file(more), out=tmp_path / "s", registry=registry)
    assert after is not None and after.computed == 12  # of 24
    now = times(tmp_path / "s")
    assert len(now) == 24 and {name: now[name] for name in seen} == seen
    fewer = study(study_file(TEXT), out=tmp_path / "s", registry=registry)
    assert fewer is not None and fewer.computed == 0 and len(fewer.answer.rows) == 4


def test_a_run_that_was_stopped_goes_on(
    registry: Any, study_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = study(study_file(), out=tmp_path / "whole", registry=registry)
    from snnplug.engine import training

    original, calls = training._Trainer._epoch, []

    def stop(self: Any, epoch: int, bar: Any) -> Any:
        calls.append(epoch)
        if len(calls) == 15:
            raise KeyboardInterrupt
        return original(self, epoch, bar)

    monkeypatch.setattr(training._Trainer, "_epoch", stop)
    with pytest.raises(KeyboardInterrupt) as stopped:
        study(study_file(), out=tmp_path / "s", registry=registry)
    assert stopped.value.__notes__ == [f"continue with: snnplug study {study_file()} --out {tmp_path / 's'}"]
    seen = times(tmp_path / "s")
    again = study(study_file(), out=tmp_path / "s", registry=registry)
    assert whole is not None and again is not None
    assert again.answer == whole.answer and len(calls) == 25  # 24 epochs, and the one that was stopped
    assert 0 < len(seen) < 12 and seen.items() <= times(tmp_path / "s").items()


def test_what_does_not_fit_is_left_out_and_said_once(
    registry: Any, study_file: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TEXT.replace("[2.0, 4.0]", '[2.0, "much"]')
    done = study(study_file(text), out=tmp_path / "s", registry=registry, quiet=False)
    said = capsys.readouterr().err
    assert said.count("left out:") == 1 and "and 1 more" in said and "neuron.tau" in said
    assert done is not None and done.computed == 6
    assert [bool(row.refused) for row in done.answer.rows] == [False, False, True, True]
    assert "was left out" in (tmp_path / "s" / "report.html").read_text()
    assert done.answer.axes["neuron.tau"] == ["2.0"]


def test_nothing_is_run_where_nothing_fits(registry: Any, study_file: Any, tmp_path: Path) -> None:
    text = TEXT.replace("[2.0, 4.0]", '["little", "much"]')
    with pytest.raises(RecipeError, match="none of 4 combinations can run"):
        study(study_file(text), out=tmp_path / "s", registry=registry)
    assert not (tmp_path / "s" / "study.toml").exists()


def test_check_makes_nothing(
    registry: Any, study_file: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study(study_file(), out=tmp_path / "s", registry=registry, only_check=True, quiet=False) is None
    assert "4 combinations x 3 seeds, 0 of 12 runs done" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_a_failed_run_is_said_and_tried_again(
    registry: Any, study_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snnplug.engine import training

    original = training._Trainer._epoch

    def fail(self: Any, epoch: int, bar: Any) -> Any:
        if self.section.epochs == 3 and self.parts.seed == 1:
            raise RunFailed("no luck")
        return original(self, epoch, bar)

    with monkeypatch.context() as patch:
        patch.setattr(training._Trainer, "_epoch", fail)
        done = study(study_file(), out=tmp_path / "s", registry=registry)
    assert done is not None and done.computed == 10
    failed = [row for row in done.answer.rows if row.failures]
    assert [list(row.failures) for row in failed] == [[1], [1]] and "no luck" in failed[0].failures[1]
    assert failed[0].cells["accuracy.test"].pairs == 2  # over the seeds that both have
    assert "failed: no luck" in (tmp_path / "s" / "report.html").read_text()
    again = study(study_file(), out=tmp_path / "s", registry=registry)
    assert again is not None and again.computed == 2
    assert not any(row.failures for row in again.answer.rows)


def test_a_damaged_result_is_said(registry: Any, study_file: Any, tmp_path: Path) -> None:
    study(study_file(), out=tmp_path / "s", registry=registry)
    broken = next(iter((tmp_path / "s").glob("runs/tau=2.0,epochs=1,seed=1-*/summary.json")))
    broken.write_text("{")
    done = study(study_file(), out=tmp_path / "s", registry=registry)
    assert done is not None and "damaged" in done.answer.rows[0].failures[1]
    assert list(done.answer.rows[0].runs) == [0, 2]


def test_a_baseline_that_is_none_is_refused_before_anything_runs(
    registry: Any, study_file: Any, tmp_path: Path
) -> None:
    text = TEXT.replace("[axes]", '[baseline]\n"train.epochs" = 7\n[axes]')
    with pytest.raises(RecipeError, match="is no combination of the study"):
        study(study_file(text), out=tmp_path / "s", registry=registry)
    assert not times(tmp_path / "s")


def test_one_seed_tells_nothing_for_sure(registry: Any, study_file: Any, tmp_path: Path) -> None:
    done = study(study_file(TEXT.replace("[0, 1, 2]", "1")), out=tmp_path / "s", registry=registry)
    assert done is not None
    cell = done.answer.rows[1].cells["accuracy.test"]
    assert cell.mean is not None and cell.mean.low is None
    assert cell.pairs == 1 and cell.p is None and cell.verdict == "not distinguishable"


def test_a_measure_may_be_a_figure_or_a_path(registry: Any, study_file: Any, tmp_path: Path) -> None:
    text = (
        TEXT.split("[measures]")[0]
        + '[measures]\n"test accuracy" = "max"\n"accuracy.val" = "max"\n"no.such" = "min"'
    )
    done = study(study_file(text), out=tmp_path / "s", registry=registry)
    assert done is not None
    cells = done.answer.rows[0].cells
    assert cells["test accuracy"].mean is not None and cells["accuracy.val"].mean is not None
    assert cells["no.such"].mean is None


def test_other_directories_are_left_alone(registry: Any, study_file: Any, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    with pytest.raises(RunDirectoryError, match="holds files that are no study"):
        study(study_file(), out=tmp_path / "full", registry=registry)
    assert os.listdir(tmp_path / "full") == ["thesis.tex"]


def test_workers_know_installed_plugins_alone(registry: Any, study_file: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="workers = 2 know installed plugins alone"):
        study(study_file(), out=tmp_path / "s", registry=registry, workers=2)


def test_paired_differences_equal_scipy_and_holm_the_textbook() -> None:
    from scipy.stats import ttest_rel

    one, other = [0.91, 0.94, 0.92, 0.97], [0.90, 0.91, 0.92, 0.93]
    found, expected = paired_test(one, other), ttest_rel(one, other)
    low, high = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert attrs.astuple(found.difference) == pytest.approx((0.02, low, high))
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []
    assert paired_test([1.0, 2.0], [0.5, 1.5]).p == 0.0 and paired_test([1.0, 2.0], [1.0, 2.0]).p == 1.0
    with pytest.raises(ValueError, match="are no pairs"):
        paired_test([1.0], [1.0, 2.0])


class Diary:
    """Remembers what it is told of each run."""

    def __init__(self) -> None:
        self.runs: dict[str, list[Any]] = {}

    def start(self, run: Any) -> str:
        self.run = run
        self.runs[run.directory.name] = [run.name]
        return ""

    def log(self, metrics: Any, step: int) -> None:
        self.runs[self.run.directory.name].append(step)

    def trial(self, trial: Any, metrics: Any) -> None:
        raise AssertionError("the study has no search")

    def finish(self, summary: Any) -> None:
        self.runs[self.run.directory.name].append(summary["accuracy.test"])


def test_trackers_are_told_of_every_run(registry: Any, study_file: Any, tmp_path: Path) -> None:
    diary = Diary()
    done = study(study_file(), out=tmp_path / "s", registry=registry, trackers=[diary])
    assert done is not None and len(diary.runs) == 12
    for row in done.answer.rows:
        for seed, name in row.runs.items():
            steps = list(range(1, 1 + int(row.values["train.epochs"])))
            assert diary.runs[name] == ["toy", *steps, row.cells["accuracy.test"].values[seed]]


def test_trackers_are_refused_before_anything_runs(study_file: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown tracker 'csx'"):
        study(study_file(), out=tmp_path / "s", trackers=["csx"])
    with pytest.raises(UsageError, match="workers = 2 know installed trackers alone"):
        study(study_file(), out=tmp_path / "s", trackers=[Diary()], workers=2)
    assert not (tmp_path / "s").exists()
