"""`snnplug convert`: a user's own model, its account and its run."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("snnplug_sc_ttfs", reason="the command needs the first plugins")
pytest.importorskip("snnplug_models")

import torch

from snnplug.cli import main

MODEL = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, gated=False, channels=1):
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(channels, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 10)
        self.gated = gated

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        if self.gated:
            x = x * torch.sigmoid(x)
        return self.out(x.mean((2, 3)))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three models as `torch.export.save` writes them, and a file that is none."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "mymodel.py").write_text(MODEL)
    spec = importlib.util.spec_from_file_location("mymodel", folder / "mymodel.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    for name, given in {"plain": {}, "gated": {"gated": True}, "coloured": {"channels": 3}}.items():
        model = module.Net(**given).eval()
        images = torch.rand(2, given.get("channels", 1), 8, 8)
        torch.export.save(torch.export.export(model, (images,)), folder / f"{name}.pt2")
    (folder / "notes.pt2").write_text("no program")
    return folder


def convert(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["convert", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


def account(result: Result) -> list[tuple[str, str]]:
    """Return what becomes of every operation."""
    lines = result.stdout.splitlines()[1:]
    return [(words[0], words[1]) for words in map(str.split, lines)]


def test_account_without_data(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = convert(files / "plain.pt2", "--coding", "sc_ttfs")
    assert account(result) == [
        ("conv2d", "kept"),
        ("batch_norm", "folded"),
        ("relu", "converted"),
        ("mean", "kept"),
        ("linear", "kept"),
    ]
    assert "mymodel.py:13: x = torch.relu(self.norm(self.conv(x)))" in result.stdout
    assert not list(tmp_path.iterdir())  # an account makes no run


@pytest.mark.parametrize("coding", ["rate", "fs", "snn_calibration", "if", "snnplug-sc-ttfs:ttfs"])
def test_account_of_any_coding(files: Path, coding: str) -> None:
    assert ("relu", "converted") in account(convert(files / "plain.pt2", "--coding", coding))


def test_a_refused_operation_has_its_line_and_exit_code_1(files: Path) -> None:
    result = convert(files / "gated.pt2", "--coding", "sc_ttfs", code=1)
    refused = [line for line in result.stdout.splitlines() if " refused " in line]
    assert [line.split()[0] for line in refused] == ["sigmoid", "mul"]
    assert all("mymodel.py:15: x = x * torch.sigmoid(x)" in line for line in refused)
    assert "train the model with ReLU in its place" in refused[0]
    assert ("relu", "converted") in account(result)  # what can be converted is listed as well


def test_with_data_a_refused_operation_stops_before_the_start(files: Path, tmp_path: Path) -> None:
    arguments = (files / "gated.pt2", "--coding", "sc_ttfs", "--data", "digits", "--out", tmp_path / "run")
    result = convert(*arguments, code=2)
    assert "\nsnnplug: 2 operations of the model cannot be converted:\n" in result.stderr
    assert "sigmoid at mymodel.py:15: x = x * torch.sigmoid(x)" in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_with_data(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    small = ("-s", "convert.samples=100", "-s", "convert.compare.samples=32", "-s", "convert.neuron.slots=4")
    chosen = ("--coding", "sc_ttfs", "--data", "digits", "--out", out, "--device", "cpu", "-q")
    result = convert(files / "plain.pt2", *chosen, *small)
    assert result.stdout == f"{out}\n"
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text())
    assert summary["stages"] == ["convert", "convert.compare", "measure", "report"]
    ann, snn = summary["conversion"]["rows"]
    assert (ann["name"], snn["name"]) == ("ANN", "sc_ttfs (slots = 4)")
    assert (ann["latency"], snn["latency"], snn["interval"]) == (0, 4, 4)
    assert ann["spikes"] == 0 < snn["spikes"] <= 2 * 8 * 6 * 6
    traces = json.loads((out / "conversion.json").read_text())["traces"]
    assert [layer["name"] for layer in traces["sc_ttfs (slots = 4)"]["layers"]] == ["relu"]
    assert "Conversion" in (out / "report.html").read_text()


def test_the_converted_network_has_the_weights_of_the_model(files: Path, tmp_path: Path) -> None:
    import snnplug

    out = tmp_path / "run"
    small = ("-s", "convert.samples=100", "-s", "convert.compare.samples=0")
    convert(files / "plain.pt2", "--coding", "if", "--data", "digits", "--out", out, "-q", *small)
    given = torch.export.load(files / "plain.pt2").state_dict
    found = snnplug.load(out).model().state_dict()
    assert all(torch.equal(found[key], given[key]) for key in ("conv.weight", "out.weight", "out.bias"))


@pytest.mark.parametrize(
    ("model", "arguments", "said"),
    [
        ("none", ["--coding", "sc_ttfs"], "none.pt2; write one with torch.export.save"),
        ("none", ["--coding", "sc_ttfs", "--data", "digits"], "none.pt2; write one with torch.export.save"),
        ("notes", ["--coding", "sc_ttfs"], "notes.pt2 is not a program of torch.export"),
        ("plain", ["--coding", "sc_tfs"], "unknown neuron 'sc_tfs'. Did you mean 'sc_ttfs'?"),
        ("plain", ["--coding", "sc_tfs", "--data", "digits"], "convert.neuron.use: unknown neuron 'sc_tfs'"),
        ("plain", ["--coding", "relu"], "--coding: relu sends no spikes; take a neuron that does"),
        ("plain", ["--coding", "relu", "--data", "digits"], "convert.neuron: relu sends no spikes"),
        ("plain", ["--coding", "sc_ttfs", "--data", "digit"], "dataset.use: unknown dataset 'digit'."),
        (
            "coloured",
            ["--coding", "sc_ttfs", "--data", "digits"],
            "the model takes inputs [B, 3, 8, 8], but those given are [B, 1, 8, 8]; convert it with",
        ),
        (
            "plain",
            ["--coding", "sc_ttfs", "--data", "digits", "-s", "convert.neuron.slot=4"],
            "convert.neuron.slot: unknown parameter. Did you mean",
        ),
    ],
)
def test_mistakes_are_one_clear_line_and_make_no_run(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = convert(files / f"{model}.pt2", *arguments, code=2)
    *before, line = [line for line in result.stderr.splitlines() if not line.startswith("note")]
    assert len(before) <= 1  # what is composed
    assert line.startswith("snnplug: ")
    assert said in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("option", "value"), [("-s", "convert.neuron.slots=4"), ("--out", "runs/a")])
def test_what_goes_with_data_is_refused_without(files: Path, option: str, value: str) -> None:
    result = convert(files / "plain.pt2", "--coding", "sc_ttfs", option, value, code=2)
    assert "Error: -s and --out go with --data" in result.stderr


def test_a_coding_has_to_be_named(files: Path) -> None:
    assert "Missing option '--coding'" in convert(files / "plain.pt2", code=2).stderr


def test_help() -> None:
    text = convert("--help").stdout
    assert " convert [OPTIONS] MODEL\n" in text
    assert all(option in text for option in ("--coding NEURON", "--data DATASET", "--set KEY=VALUE", "--out"))
    assert "snnplug convert model.pt2 --coding NEURON --data DATASET" in text
