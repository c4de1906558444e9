"""Runs side by side."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from snnplug import Epoch, Summary, run
from snnplug.cli import main
from snnplug.runs.compare import ComparedRun, differing_settings, epoch_rows, learning_figures


def made_up(name: str, accuracies: list[float], seconds: float, *, held_out: bool = True) -> ComparedRun:
    return ComparedRun(
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


def texts(run: ComparedRun, first: ComparedRun) -> dict[str, str]:
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
    runs = [ComparedRun.read(tmp_path / name) for name in ("one", "two")]
    assert differing_settings(runs) == {"train.epochs": ["4", "2"], "neuron.tau": ["2.0", "3.0"]}
    picture = tmp_path / "curves.svg"
    arguments = ["compare", str(tmp_path / "one"), str(tmp_path / "two"), "--epochs", "--svg", str(picture)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    header, *rows = result.stdout.split("\n\n")[0].splitlines()
    assert [row.split()[0] for row in rows] == ["one", "two"]
    for text in ("test accuracy", "parameters", "neuron.tau"):
        assert text in header
    assert "seconds per epoch" not in header
    assert len(result.stdout.split("by epoch")[1].strip().splitlines()) == 1 + 4
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


def test_table_is_sorted_and_written_for_other_programs(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    paths = []
    for epochs in (2, 1, 3):
        paths.append(str(tmp_path / f"epochs{epochs}"))
        run(toy_recipe, out=paths[-1], registry=toy_registry, overrides=[f"train.epochs={epochs}"])
    (tmp_path / "epochs3" / "summary.json").unlink()

    def rows(*options: str) -> list[dict[str, str]]:
        result = CliRunner().invoke(main, ["compare", *paths, *options])
        assert result.exit_code == 0, result.output
        return list(csv.DictReader(io.StringIO(result.stdout)))

    found = rows("--csv", "--sort", "epochs")
    assert [row["run"] for row in found] == ["epochs1", "epochs2", "epochs3"]
    assert [row["state"] for row in found] == ["finished", "finished", "not finished: train, epoch 3"]
    assert found[2]["test accuracy"] == "-" and "ratio to the first" in found[0]
    accuracies = [float(row["val accuracy"]) for row in rows("--csv", "--sort", "val accuracy")[:2]]
    assert accuracies == sorted(accuracies, reverse=True)
    table = CliRunner().invoke(main, ["compare", *paths, "--markdown"]).stdout.splitlines()
    assert table[1].startswith("| --- | --- |") and len(table) == 2 + 3
    wrong = CliRunner().invoke(main, ["compare", *paths, "--sort", "test acuracy"])
    assert wrong.exit_code == 2 and "Did you mean 'test accuracy'" in wrong.output


def test_unfinished_run_is_a_row_that_says_so(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    (tmp_path / "run" / "summary.json").unlink()
    assert ComparedRun.read(tmp_path / "run").state == "not finished: train, epoch 4"
    (tmp_path / "run" / "metrics.jsonl").unlink()
    assert ComparedRun.read(tmp_path / "run").state == "not finished: search"
