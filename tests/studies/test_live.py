"""How a study stands: counts, the time left, one table that fits, lines and JSON lines."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from rich.console import Console

from snnplug.engine.progress import Reporter
from snnplug.engine.studies import live
from snnplug.engine.studies.combinations import Combination, Job
from snnplug.engine.studies.live import View, shown
from snnplug.engine.studies.standing import Standing
from snnplug.engine.studies.study import study
from snnplug.recipe.recipe import Recipe

RECIPE = Recipe.from_dict({"name": "none"})


def jobs(count: int, seeds: int = 2) -> list[Job]:
    """Return runs as a study has them: all combinations with the first seed, then with the next."""
    return [
        Job(Combination({"neuron": {"use": f"neuron_{i}"}, "train.epochs": i}), seed, RECIPE, f"n{i}-{seed}")
        for seed in range(seeds)
        for i in range(count)
    ]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def standing(wanted: list[Job], workers: int = 1) -> tuple[Standing, Clock]:
    clock = Clock()
    found = Standing(len(wanted), workers, clock)
    for job in wanted:
        found.want(job, is_done=False)
    return found, clock


def go(found: Standing, clock: Clock, job: Job, seconds: float, *, failed: bool = False) -> None:
    found.begin(job)
    clock.now += seconds
    assert found.end(job, failed=failed) == seconds


def test_counts() -> None:
    wanted = jobs(3)
    found, clock = standing(wanted)
    go(found, clock, wanted[0], 4.0)
    go(found, clock, wanted[1], 6.0, failed=True)
    found.begin(wanted[2])
    assert (found.done, found.failed, found.running) == (1, 1, 1)
    assert [share.waiting for share in found.shares.values()] == [1, 1, 1]
    found.want(wanted[0], is_done=True)
    assert found.done == 2


def test_time_left_goes_by_each_combination_and_by_workers() -> None:
    wanted = jobs(3)
    found, clock = standing(wanted)
    assert found.left() is None  # nothing to go by
    go(found, clock, wanted[0], 10.0)
    go(found, clock, wanted[1], 20.0)
    # of the third combination two runs as long as the mean of 15, of the others one each as long as before
    assert found.left() == 10 + 20 + 2 * 15
    found.begin(wanted[2])
    clock.now += 5
    assert found.left() == 10 + 20 + 15 + 10
    clock.now += 1000  # one that takes longer than was expected is expected to end now
    assert found.left() == 10 + 20 + 15
    found.workers = 9
    assert found.left() == 20  # no sooner than the longest run that is left
    found.skipped = 3
    assert found.done == 5


def test_runs_that_a_sampler_has_not_drawn_are_counted() -> None:
    found, clock = standing([])
    found.total = 10
    (job, other) = jobs(1)
    for one in (job, other):
        found.want(one, is_done=False)
    go(found, clock, job, 2.0)
    assert found.left() == 2.0 + 8 * 2.0


@pytest.mark.parametrize("count", [1, 5, 5000])
@pytest.mark.parametrize(("width", "height"), [(160, 60), (80, 24), (60, 24), (44, 15), (30, 10), (20, 5)])
def test_the_table_fits_with_few_and_with_many(count: int, width: int, height: int) -> None:
    wanted = jobs(count)
    found, clock = standing(wanted, 2)
    for number, job in enumerate(wanted[: count // 2]):
        go(found, clock, job, 3.0, failed=number % 7 == 1)
    found.begin(wanted[count - 1])
    report, said = on_terminal(width, height)
    report.console.print(View(report, found, "widths"))
    lines = said.getvalue().rstrip("\n").split("\n")
    assert max(map(len, lines)) <= width and len(lines) < height
    assert lines[0].startswith("neur") and "done" in lines[0]
    assert f"{found.done}/{2 * count} runs"[: width - 4] in lines[-1]
    rows = [line for line in lines[1:] if re.match(r"neuron_|n\S*…", line)]
    assert len(rows) <= 30 and (len(rows) == count or f"and {count - len(rows)} more"[:width] in lines[-2])
    if width >= 50:
        assert (
            sum("seed 0, 0:00:00" in line for line in lines) == 1
        )  # what runs is shown, however many there are


def on_terminal(width: int, height: int) -> tuple[Reporter, io.StringIO]:
    report, said = Reporter(), io.StringIO()
    report.console = Console(
        file=said, force_terminal=True, width=width, height=height, color_system=None, legacy_windows=False
    )
    return report, said


def test_what_runs_and_what_failed_is_shown_before_the_rest() -> None:
    wanted = jobs(100)
    found, clock = standing(wanted)
    go(found, clock, wanted[60], 1.0, failed=True)
    found.begin(wanted[80])
    report, said = on_terminal(80, 10)
    report.console.print(View(report, found, "widths"))
    rows = [line.split(",")[0] for line in said.getvalue().split("\n")[1:4]]
    assert rows == ["neuron_0", "neuron_60", "neuron_80"]


def test_a_table_is_drawn_while_it_goes_on_and_a_line_stays() -> None:
    report, said = on_terminal(80, 24)
    wanted = jobs(1)
    found, _ = standing(wanted)
    with shown(report, found, "widths") as view:
        for job in wanted:
            view.begin(job)
            view.end(job, "no luck" if job.seed else "")
    text = said.getvalue()
    assert "note: n0-1 failed: no luck" in text and "neuron, train.epochs" in text
    assert text.rstrip().splitlines()[-1].endswith("widths 1/2 runs, 1 failed, 0:00:00 gone")


def test_piped_it_says_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "_EVERY", 0.0)
    wanted = jobs(2, 1)
    found, _ = standing(wanted)
    with shown(Reporter(), found, "widths") as view:
        for job in wanted:
            view.begin(job)
            view.end(job, "")
    assert capsys.readouterr().err.splitlines() == [
        "widths 1/2 runs, 0:00:00 left, 0:00:00 gone",
        "widths 2/2 runs, 0:00:00 gone",
    ]


def test_for_machines_each_run_is_a_record(
    registry: Any, study_file: Any, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    study(study_file(), out=tmp_path / "s", registry=registry, quiet=False, log="jsonl")
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    begun = [event for event in events if event["event"] == "run_begin"]
    ended = [event for event in events if event["event"] == "run_end"]
    assert len(begun) == len(ended) == 12
    names = {path.name for path in (tmp_path / "s" / "runs").iterdir()}
    assert {event["directory"] for event in begun} == {event["directory"] for event in ended} == names
    assert begun[0]["combination"] == {"neuron.tau": "2.0", "train.epochs": "1"} and begun[0]["seed"] == 0
    assert all(event["seconds"] > 0 and event["failure"] is None for event in ended)
    last = events[-1]
    assert (last["event"], last["done"], last["total"], last["failed"]) == ("study_end", 12, 12, 0)


def test_quiet_it_says_nothing(
    registry: Any, study_file: Any, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    study(study_file(), out=tmp_path / "s", registry=registry)
    assert capsys.readouterr().err == ""
