"""`snnplug export`: the network of a run as a file, and whether others read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch")
pytest.importorskip("snnplug_nir")
pytest.importorskip("snnplug_exporters")
pytest.importorskip("snnplug_models")

import snnplug
from snnplug.cli import main

RECIPE = """
dataset = { use = "digits", val_fraction = 0.1 }
neuron = "lif"
architecture = { use = "vgg", layers = [4, "M"], pooling = "POOL" }
train = { epochs = 1, batch_size = 256 }
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    (folder / "recipe.toml").write_text(RECIPE.replace("POOL", "avg"))
    snnplug.run(folder / "recipe.toml", out=folder / "run", device="cpu")
    return folder / "run"


def export(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["export", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_file_is_written_and_read_back(run: Path) -> None:
    told = export(run, "--to", "nir", "--reader", "snnplug", "--samples", 4)
    assert "reading it back with snnplug-nir" in told.stderr
    assert "read back on 4 samples (test), 4 steps each:" in told.stdout
    assert "snnplug 0.1.0: all values equal, in 2 of 2 places" in told.stdout
    assert told.stdout.splitlines()[-1] == str(run / "exports" / "model.nir")


def test_json_and_a_file_elsewhere(run: Path, tmp_path: Path) -> None:
    told = export(run, "--to", "safetensors", "-o", tmp_path / "w.safetensors", "--json").stdout
    said = json.loads(told)
    assert said["file"] == "w.safetensors" and said["readers"][0]["state"] == "equal"
    assert (tmp_path / "w.safetensors").is_file()


def test_who_differs_exits_with_1_unless_it_is_tolerated(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snnplug.engine import export as module

    def other(*arguments: object) -> dict[str, object]:
        import numpy as np

        x = np.load(arguments[2])["x"]  # type: ignore[call-overload]
        return {"output": np.zeros((*x.shape[:2], 10))}

    monkeypatch.setattr(module, "read_back", other)
    told = export(run, "--to", "nir", "--reader", "snnplug", code=1).stdout
    assert "equal values  snnplug 0.1.0" in told and "it differs first in output in step 0" in told
    export(run, "--to", "nir", "--reader", "snnplug", "--tolerance", 1)


def test_what_the_format_cannot_say_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE.replace("POOL", "max"))
    snnplug.run(tmp_path / "recipe.toml", out=tmp_path / "run", device="cpu")
    told = export(tmp_path / "run", "--to", "nir", code=2).stderr
    assert "takes the maximum, for which NIR has no node; pool averages" in told
    assert not (tmp_path / "run" / "exports.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no format is named; give --to. Formats: nir, onnx, safetensors, torch"),
        (["--to", "nri"], "Did you mean 'nir'?"),
        (["--to", "{ use = 'nir', dialect = 'x' }"], "dialect"),
        (["--to", "nir", "--reader", "norze"], "Did you mean 'norse'?"),
        (["--to", "nir", "--no-verify", "--reader", "norse"], "leave one out"),
        (["--to", "nir", "--samples", "0"], "samples"),
    ],
)
def test_what_is_asked_wrongly_is_said_in_a_line(arguments: list[str], said: str, run: Path) -> None:
    told = export(run, *arguments, code=2).stderr
    assert said in told and "Traceback" not in told


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    assert "is not a run directory" in export(tmp_path, "--to", "nir", code=2).stderr
