"""`snnplug run`, `replay` and `compare` in a process of their own, as a user meets them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("snnplug_snasnet", reason="the built-in recipe needs the first plugins")

from snnplug.cli import main

QUICK = ("-s", "search.strategy.draws=12", "-s", "search.space.channels=4", "-s", "train.epochs=1")
QUICK += ("-s", "search.scorer.steps=2", "-s", "measure.samples=64", "--device", "cpu")


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "snnplug", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Directory and messages of a run that met Ctrl-C in the middle of its search."""
    out = tmp_path_factory.mktemp("cli") / "run"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # not ignored, as in the background
    process = start("run", "--out", str(out), *QUICK)
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 120
    while not (out / "trials.journal").exists() or (out / "trials.journal").stat().st_size < 2000:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    return out, stderr


@pytest.fixture(scope="module")
def finished(interrupted: tuple[Path, str]) -> Path:
    """The same run, resumed."""
    out, _ = interrupted
    process = start("run", "--resume", str(out))
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert stdout.splitlines() == [str(out)]
    assert "test accuracy" in stderr
    assert "report.html" in stderr
    return out


def test_ctrl_c_leaves_a_run_that_resumes(interrupted: tuple[Path, str], finished: Path) -> None:
    out, stderr = interrupted
    assert finished == out
    assert f"snnplug run --resume {out}" in stderr
    assert "Traceback" not in stderr


def test_run_leaves_a_finished_directory(finished: Path) -> None:
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["stages"] == ["search", "train", "train.compare", "measure", "report"]
    assert summary["search"]["draws"] == 12
    assert {estimate["model"] for estimate in summary["energy"]} == {"snnplug-energy:horowitz_45nm"}
    assert (finished / "report.html").stat().st_size > 10_000


def test_compare_prints_figures_and_what_differs(finished: Path) -> None:
    result = CliRunner().invoke(main, ["compare", str(finished), str(finished)])
    assert result.exit_code == 0
    assert "test accuracy" in result.stdout
    as_json = CliRunner().invoke(main, ["compare", str(finished), "--json"])
    assert json.loads(as_json.stdout)[str(finished)]["search"]["draws"] == 12


def test_replay_of_a_resumed_run_is_identical(finished: Path, tmp_path: Path) -> None:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as many as the processes above
    try:
        result = CliRunner().invoke(
            main, ["replay", str(finished), "--out", str(tmp_path / "again"), "--quiet"]
        )
    finally:
        torch.set_num_threads(threads)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["identical", str(tmp_path / "again")]


@pytest.mark.slow
def test_two_processes_train_as_one_run(tmp_path: Path) -> None:
    process = start("run", "--out", str(tmp_path / "run"), *QUICK, "--devices", "2")
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert stdout.splitlines() == [str(tmp_path / "run")]
    assert stderr.count("test accuracy") == 1
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["device"] == "2 x cpu"
    record, *others = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    assert [other["stage"] for other in others] == [f"train.compare.{n}" for n in (1, 2, 3, 4)]
    assert 1.5 < record["loss"] < 3  # a mean over all samples of both processes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "defualt"], "Did you mean 'default'"),
        (["run", "-s", "neuron.use=lfi"], "Did you mean 'lif'"),
        (["run", "-s", "neuron.tau=0.5"], "tau must be"),
        (["run", "-s", "dataset.use=mnist", "-s", "dataset.root=/nowhere"], "/nowhere"),
        (["run", "--device", "tpu"], "tpu"),
        (["run", "--resume", "/nowhere"], "there is no run directory"),
        (["run", "--resume", "/nowhere", "-s", "a=1"], "--resume goes on with a run as it is"),
        (["replay", "/nowhere"], "there is no run directory"),
        (["compare", "/nowhere"], "there is no run directory"),
        (["compare"], "Missing argument"),
        (["rnu"], "Did you mean 'run'"),
    ],
)
def test_wrong_use_is_one_message_and_exit_code_2(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_existing_directory_is_left_alone(finished: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in finished.iterdir()}
    result = CliRunner().invoke(main, ["run", "--out", str(finished)])
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert {path.name: path.stat().st_mtime_ns for path in finished.iterdir()} == before


def test_failed_run_has_exit_code_1(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        '[architecture]\nuse = "vgg"\n[train]\nepochs = 1\noptimizer = { use = "sgd", lr = 1e38 }\n', "utf-8"
    )
    result = CliRunner().invoke(main, ["run", str(recipe), "--out", str(tmp_path / "run")])
    assert result.exit_code == 1, result.output
    assert "train.optimizer.lr" in result.stderr
    assert "Traceback" not in result.output
