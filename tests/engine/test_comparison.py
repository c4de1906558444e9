"""Runs side by side."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from snnplug import Epoch, Summary, run
from snnplug.cli import main
from snnplug.errors import RunDirectoryError
from snnplug.runs.compare import FinishedRun, differing_settings, epoch_rows, learning_figures


def made_up(name: str, accuracies: list[float], seconds: float, *, held_out: bool = True) -> FinishedRun:
    return FinishedRun(
        name=name,
        summary=Summary(),
        epochs=tuple(
            Epoch(
                epoch=i + 1,
                loss=1 / (i + 1),
                accuracy=a - 0.1 if held_out else a,
                val_accuracy=a if held_out else None,
                seconds=seconds,
            )
            for i, a in enumerate(accuracies)
        ),
        components=(),
    )


def texts(run: FinishedRun, first: FinishedRun) -> dict[str, str]:
    return {name: str(figure) for name, figure in learning_figures(run, first, 0.9).items()}


def test_epochs_and_seconds_to_a_target() -> None:
    slow = made_up("slow", [0.5, 0.8, 0.9, 0.95], 6.0)
    quick = made_up("quick", [0.91, 0.92], 2.0, held_out=False)
    assert texts(slow, slow) == {
        "seconds per epoch": "6.00",
        "ratio to the first": "1.00",
        "epochs to 90%": "3",
        "seconds to 90%": "18.0",
    }
    assert texts(quick, slow)["ratio to the first"] == "0.33"
    assert texts(quick, slow)["epochs to 90%"] == "1"
    assert "epochs to 90%" not in texts(made_up("never", [0.2], 1.0), slow)


def test_epoch_rows_of_runs_of_other_lengths() -> None:
    rows = epoch_rows([made_up("a", [0.5, 0.6], 1.0), made_up("b", [0.7], 1.0, held_out=False)])
    assert rows == [(1, ["1.0000 0.4000 0.5000", "1.0000 0.7000"]), (2, ["0.5000 0.5000 0.6000", "-"])]


def test_real_runs(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    for name, overrides in (("one", []), ("two", ["neuron.tau=3.0", "train.epochs=2"])):
        run(toy_recipe, out=tmp_path / name, registry=toy_registry, overrides=overrides)
    runs = [FinishedRun.read(tmp_path / name) for name in ("one", "two")]
    assert differing_settings(runs) == {"train.epochs": ["4", "2"], "neuron.tau": ["2.0", "3.0"]}
    picture = tmp_path / "curves.svg"
    arguments = ["compare", str(tmp_path / "one"), str(tmp_path / "two"), "--epochs", "--svg", str(picture)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    for text in ("test accuracy", "seconds per epoch", "ratio to the first", "neuron.tau"):
        assert text in result.stdout
    assert len(result.stdout.split("by epoch")[1].strip().splitlines()) == 1 + 4
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


def test_unfinished_run_is_named(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    (tmp_path / "run" / "summary.json").unlink()
    with pytest.raises(RunDirectoryError, match="was never finished; continue it with"):
        FinishedRun.read(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "resolved.json").read_text())["schema"] == 2
