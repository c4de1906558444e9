"""What a run says while it goes on: bars of 80 columns, lines where it is piped, JSON lines."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from snnplug import run
from snnplug.engine.progress import Reporter


def terminal(reporter: Reporter) -> io.StringIO:
    said = io.StringIO()
    reporter.console = Console(
        file=said, force_terminal=True, width=80, color_system=None, legacy_windows=False
    )
    return said


def test_bar_and_its_note_fit_into_80_columns() -> None:
    reporter = Reporter()
    said = terminal(reporter)
    with reporter.bar("supernet", 12000, 11000) as bar:
        bar.advance("loss 0.2345, val 0.9876")
    last = said.getvalue().replace("\r", "\n").split("\n")
    assert any("loss 0.2345, val 0.9876" in line and "11001/12000" in line for line in last)
    assert max(map(len, (line.split("\x1b[")[0] for line in last))) <= 80


def test_piped_run_says_an_epoch_a_line(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry, quiet=False, overrides=["train.epochs=3"])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"cpu, {tmp_path / 'run'}"
    epochs = [line for line in lines if line.startswith("train ")]
    assert [line.split(":")[0] for line in epochs] == ["train 1/3", "train 2/3", "train 3/3"]
    assert all("loss" in line and "val" in line and "left" in line for line in epochs)
    assert sum(line.startswith("search ") for line in lines) == 1
    assert not any("━" in line or "\x1b" in line for line in lines)


def test_log_for_machines_is_an_object_a_line(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry, quiet=False, log="jsonl")
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert events[0]["event"] == "begin" and events[0]["directory"] == str(tmp_path / "run")
    epochs = [event for event in events if event["event"] == "epoch"]
    assert [event["epoch"] for event in epochs] == [1, 2, 3, 4]
    recorded = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [event["loss"] for event in epochs] == [line["loss"] for line in recorded]


def test_quiet_run_says_nothing(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry, overrides=["train.epochs=1"])
    assert capsys.readouterr().err == ""


def test_start_is_counted(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    done = run(toy_recipe, out=tmp_path / "run", registry=toy_registry, overrides=["train.epochs=1"])
    assert done.result is not None
    seconds = dict(done.result.seconds)
    assert seconds["start"] > 0
    assert seconds.pop("total") == pytest.approx(sum(value or 0 for value in seconds.values()))


def test_numbers_and_names_of_any_sort_end_no_log(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter(log="jsonl").tell("epoch", "x", val_loss=float("nan"), facts={"rate": float("inf")})
    said = json.loads(capsys.readouterr().err)
    assert said == {"event": "epoch", "text": "x", "val_loss": None, "facts": {"rate": None}}
    Reporter().say("runs/:fire:/a")
    assert capsys.readouterr().err == "runs/:fire:/a\n"
