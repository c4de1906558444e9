"""Files of a run directory, damaged at random: an error that says so, or the right result, no traceback.

One finished and one unfinished run are made once; every case damages one file of a copy and reads it in
every way there is.
"""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import toys
from click.testing import CliRunner
from outcomes import TIMES

import snnplug
from snnplug.cli import main
from snnplug.engine import training
from snnplug.errors import SnnplugError
from snnplug.report.page import write_report

RECIPE: dict[str, Any] = {
    **toys.RECIPE,
    "search": {**toys.RECIPE["search"], "strategy": {"use": "toy", "draws": 8}},
    "train": {"epochs": 2, "batch_size": 32},
}
REGISTRY = toys.toy_registry()
OTHERS = [
    "null",
    "3",
    '"text"',
    "[]",
    "[1, 2]",
    "{}",
    '{"schema": 2}',
    "[" * 5000,
    '[{"index": "x"}]',
    "1e999",
]


class Runs:
    """A finished and an unfinished run, and what is right to read of them."""

    def __init__(self, folder: Path) -> None:
        self.finished, self.unfinished = folder / "finished", folder / "unfinished"
        run = snnplug.run(RECIPE, out=self.finished, registry=REGISTRY)
        self.right = {name: read(run) for name, read in READERS.items()}
        self.csv = {what: run.csv(what) for what in ("metrics", "trials")}
        self.result = outcome(self.finished)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                training._Trainer, "_finish_epoch", stopped_at_second(training._Trainer._finish_epoch)
            )
            with pytest.raises(KeyboardInterrupt):
                snnplug.run(RECIPE, out=self.unfinished, registry=REGISTRY)
        assert not (self.unfinished / "summary.json").exists()
        assert (self.unfinished / "checkpoint.pt").exists()


def stopped_at_second(original: Any) -> Any:
    def finish(self: Any, epoch: int, *rest: Any) -> None:
        if epoch == 1:
            raise KeyboardInterrupt
        original(self, epoch, *rest)

    return finish


READERS: dict[str, Callable[[snnplug.Run], Any]] = {
    "summary": lambda run: run.summary,
    "result": lambda run: run.result,
    "metrics": lambda run: run.metrics,
    "trials": lambda run: run.trials,
    "activity": lambda run: run.activity,
    "recipe": lambda run: run.recipe,
    "model": lambda run: {name: weight.tolist() for name, weight in run.model().state_dict().items()},
}
FILE_OF = {"summary": "summary.json", "result": "summary.json", "metrics": "metrics.jsonl"}
FILE_OF |= {"trials": "trials.json", "activity": "activity.json"}


def outcome(directory: Path) -> Any:
    """Return all that must be equal."""
    run = snnplug.load(directory, registry=REGISTRY)
    summary = {k: v for k, v in run.summary.items() if k != "seconds"}
    search = {k: v for k, v in summary.pop("search").items() if "seconds" not in k}
    rows = [
        {k: v for k, v in row.items() if k not in TIMES}
        for row in (*run.rows("metrics"), *run.rows("trials"))
    ]
    weights = {name: weight.tolist() for name, weight in run.model().state_dict().items()}
    return summary, search, rows, weights


def damage(directory: Path, rng: random.Random) -> str:
    """Damage one file and return what was done."""
    files = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    file, other = rng.sample(files, 2)
    content = file.read_bytes()
    how = rng.choice(["flip", "flip", "flip", "cut", "swap", "empty", "other", "delete", "double", "line"])
    if how == "flip" and content:
        place = rng.randrange(len(content))
        file.write_bytes(
            content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]
        )
    elif how == "cut":
        file.write_bytes(content[: rng.randrange(len(content) + 1)])
    elif how == "swap":
        file.write_bytes(other.read_bytes())
        other.write_bytes(content)
    elif how == "other":
        file.write_text(rng.choice(OTHERS))
    elif how == "delete":
        file.unlink()
    elif how == "double":
        file.write_bytes(content + content)
    elif how == "line":  # valid JSON that is none of ours
        lines = content.splitlines(keepends=True)
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(OTHERS).encode() + b"\n")
        file.write_bytes(b"".join(lines))
    else:
        file.write_bytes(b"")
    return f"{how} {file.name}" + (f" and {other.name}" if how == "swap" else "")


def check_load(runs: Runs, directory: Path) -> None:
    """Every part is right, or said to be damaged; what is not there at all is empty."""
    try:
        run = snnplug.load(directory, registry=REGISTRY)
    except SnnplugError as error:
        check_message(error, directory)
        return
    for name, read in READERS.items():
        try:
            found = read(run)
        except SnnplugError as error:
            check_message(error, directory)
            continue
        file = FILE_OF.get(name)
        absent = file is not None and not (directory / file).exists()
        unfinished = not (directory / "summary.json").exists()
        assert found == runs.right[name] or (absent and unfinished and not found), name


def check_message(error: Exception, directory: Path) -> None:
    assert str(directory) in str(error), error
    assert len(str(error)) < 1500


def check_commands(runs: Runs, directory: Path) -> None:
    for arguments in (["compare", str(directory), str(runs.finished)], ["compare", "--json", str(directory)]):
        result = CliRunner().invoke(main, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert result.exit_code in (0, 2)
    for what, right in runs.csv.items():
        result = CliRunner().invoke(main, ["export-table", str(directory), what])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert result.exit_code == 2 or result.stdout == right
    page = directory.with_name("page")
    shutil.copytree(directory, page)
    try:
        assert write_report(page).stat().st_size > 1000
    except SnnplugError as error:
        check_message(error, page)


def check_resume(runs: Runs, directory: Path) -> None:
    try:
        snnplug.resume(directory, registry=REGISTRY)
    except SnnplugError as error:
        check_message(error, directory)
    else:
        assert outcome(directory) == runs.result


def check_replay(runs: Runs, directory: Path) -> None:
    try:
        again = snnplug.replay(directory, out=directory.with_name("again"), registry=REGISTRY)
    except SnnplugError as error:
        check_message(error, directory)
    else:
        assert again.identical
        assert outcome(again.run.directory) == runs.result


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("seeds", [range(40), pytest.param(range(40, 540), marks=pytest.mark.slow)], ids=len)
def test_damage_is_said_or_does_no_harm(seeds: range, runs: Runs, tmp_path: Path) -> None:
    for seed in seeds:
        rng = random.Random(seed)
        source = rng.choice([runs.finished, runs.finished, runs.unfinished])
        folder = tmp_path / str(seed)
        directory = Path(shutil.copytree(source, folder / source.name))
        done = damage(directory, rng)
        try:
            if source is runs.finished:
                check_load(runs, directory)
                check_commands(runs, directory)
                if seed % 5 == 0:
                    check_replay(runs, directory)
            check_resume(runs, directory)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {done} of the {source.name} run: {error!r}") from error
        shutil.rmtree(folder)


@pytest.mark.parametrize("seeds", [range(12), pytest.param(range(40, 140), marks=pytest.mark.slow)], ids=len)
def test_without_checksums_nothing_worse_than_an_error_happens(
    seeds: range, runs: Runs, tmp_path: Path
) -> None:
    for seed in seeds:
        rng = random.Random(seed)
        directory = Path(shutil.copytree(runs.finished, tmp_path / str(seed)))
        (directory / "checksums.json").unlink()
        done = damage(directory, rng)
        try:
            for attempt in (read_all, write_report, resumed):
                with contextlib.suppress(SnnplugError):
                    attempt(directory)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {done}: {error!r}") from error


def read_all(directory: Path) -> None:
    run = snnplug.load(directory, registry=REGISTRY)
    assert "has no checksums of" in run.records.notes[0]
    for read in READERS.values():
        read(run)


def resumed(directory: Path) -> None:
    snnplug.resume(directory, registry=REGISTRY)
