"""Studies whose combinations a sampler draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from snnplug.engine.studies.study import study
from snnplug.errors import RecipeError

TEXT = """
seeds = 2
samples = 10
round_size = 4

[axes]
"train.epochs" = [1, 2]

[ranges]
"train.optimizer.lr" = { low = 0.0001, high = 0.5, log = true }
"architecture.width" = { low = 2, high = 12 }

[measures]
"accuracy.test" = "max"
"""


def finished(folder: Path) -> dict[str, int]:
    return {file.parent.name: file.stat().st_mtime_ns for file in folder.glob("runs/*/summary.json")}


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_sampler_draws_within_the_ranges(
    registry: Any, study_file: Any, tmp_path: Path, sampler: str
) -> None:
    text = f'sampler = "{sampler}"\n{TEXT}'
    done = study(study_file(text), out=tmp_path / "s", registry=registry)
    assert done is not None and done.computed == 20 and len(done.answer.rows) == 10
    rates = [float(row.values["train.optimizer.lr"]) for row in done.answer.rows]
    widths = [int(row.values["architecture.width"]) for row in done.answer.rows]
    assert len(set(rates)) == 10 and 0.0001 <= min(rates) < 0.05 < max(rates) <= 0.5
    assert len(set(widths)) > 2 and min(widths) >= 2 and max(widths) <= 12
    assert {row.values["train.epochs"] for row in done.answer.rows} <= {"1", "2"}


def test_stopped_and_gone_on_with_it_draws_the_same(
    registry: Any, study_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = study(study_file(TEXT), out=tmp_path / "whole", registry=registry)
    from snnplug.engine.studies import doing

    original, calls = doing.run_all, []

    def stop(jobs: Any, *more: Any) -> Any:
        for outcome in original(jobs, *more):
            calls.append(outcome)
            if len(calls) in (3, 11):
                raise KeyboardInterrupt
            yield outcome

    monkeypatch.setattr(doing, "run_all", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            study(study_file(TEXT), out=tmp_path / "s", registry=registry)
    seen = finished(tmp_path / "s")
    again = study(study_file(TEXT), out=tmp_path / "s", registry=registry)
    assert whole is not None and again is not None and again.answer == whole.answer
    assert len(seen) == 11 and len(calls) == 20 and seen.items() <= finished(tmp_path / "s").items()


def test_it_learns_from_what_it_was_told(registry: Any, study_file: Any, tmp_path: Path) -> None:
    """Told that low rates are good it draws other rates than where high ones are."""
    fewer = TEXT.replace("samples = 10", "samples = 16").replace("seeds = 2", "seeds = 1")
    rates = {}
    for way in ("max", "min"):
        text = fewer.split("[measures]")[0] + f'[measures]\n"latency_steps" = "{way}"\n'
        text = text.replace("[axes]", '[axes]\n"encoder.steps" = [1, 4]')
        done = study(study_file(text), out=tmp_path / way, registry=registry)
        assert done is not None
        rates[way] = [row.values["encoder.steps"] for row in done.answer.rows]
    assert rates["max"][:10] == rates["min"][:10]  # by chance at first
    assert rates["max"][10:].count("4") > rates["min"][10:].count("4")


def test_hopeless_ones_are_not_run_with_further_seeds(registry: Any, study_file: Any, tmp_path: Path) -> None:
    text = f"prune = true\n{TEXT.replace('seeds = 2', 'seeds = 3')}"
    done = study(study_file(text), out=tmp_path / "s", registry=registry)
    assert done is not None
    rows = done.answer.rows
    pruned = [row for row in rows if row.pruned]
    assert pruned and len(pruned) < 6 and not any(row.pruned for row in rows[:4])  # nothing to compare with
    for row in rows:
        count = len(row.cells["accuracy.test"].values)
        assert (count == 3) == (not row.pruned), row
        if row.pruned:
            assert row.pruned == f"worse than the median after {count} of 3 seeds"
    assert pruned[0].pruned in (tmp_path / "s" / "report.html").read_text()


def test_several_measures_have_a_front(registry: Any, study_file: Any, tmp_path: Path) -> None:
    text = TEXT.replace("samples = 10", "samples = 6") + '"spikes_per_sample" = "min"\n'
    done = study(study_file(text), out=tmp_path / "s", registry=registry)
    assert done is not None and 0 < sum(row.front for row in done.answer.rows) < 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("samples = 10\nround_size = 4", ""), "ranges are drawn from: say how often by samples = 40"),
        (("samples = 10", "samples = 0"), "samples must be a whole number of at least 1, got 0"),
        (("samples = 10", 'samples = 10\nsampler = "tp"'), "sampler must be one of tpe, random"),
        (("samples = 10", "samples = 10\nprune = 1"), "prune must be true or false"),
        (("high = 12", "high = 1"), "ranges.architecture.width: low must be below high"),
        (("low = 0.0001", "low = 0.0"), "and above 0 with log = true"),
        (("high = 12", "top = 12"), "ranges.architecture.width must be { low = "),
        (('"architecture.width"', '"train.epochs"'), "ranges.train.epochs: it is an axis already"),
        (("high = 12", "high = 12.5"), "all that a sampler may draw has to fit"),
    ],
)
def test_what_is_wrong_with_a_sampler_is_said(
    registry: Any, study_file: Any, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    with pytest.raises(RecipeError) as raised:
        study(study_file(TEXT.replace(*change)), out=tmp_path / "s", registry=registry)
    assert said in str(raised.value)


def test_pruning_goes_by_one_measure(registry: Any, study_file: Any, tmp_path: Path) -> None:
    text = f'prune = true\n{TEXT}"spikes_per_sample" = "min"\n'
    with pytest.raises(RecipeError, match="prune goes by one measure, and there are 2"):
        study(study_file(text), out=tmp_path / "s", registry=registry)
