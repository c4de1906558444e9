"""`snnplug energy`: models asked of a run that is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("snnplug_energy")

from snnplug.cli import main
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import Records, to_plain
from snnplug.testing.energy_model import tiny_activity

CHIP = 'source = "data sheet"\nnode = "22 nm"\nsynaptic_operation = 2e-12\nmac = 4e-12\n'


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run that named no energy model."""
    path = tmp_path / "run"
    directory = RunDirectory.create(path)
    directory.write_json("resolved.json", {"schema": 2, "name": "tiny", "recipe": {}})
    directory.write_json("activity.json", to_plain(tiny_activity(0.25)))
    directory.write_json("summary.json", {"schema": 2, "stages": ["measure", "report"], "energy": []})
    return path


def energy(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["energy", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_five_models_and_a_users_table_in_one_report(run: Path, tmp_path: Path) -> None:
    chip = tmp_path / "chip.toml"
    chip.write_text(CHIP)
    before = (run / "summary.json").read_bytes()
    names = "horowitz_45nm,lemaire,loihi,keras_spiking,neurobench"
    result = energy(run, "--models", names, "-m", f'{{ use = "table", file = "{chip}" }}')
    assert result.stdout.splitlines()[-1] == str(run / "report.html")
    assert (run / "summary.json").read_bytes() == before
    said = json.loads((run / "energy.json").read_text())
    assert [e["model"].partition(":")[2] for e in said["energy"]] == [*names.split(","), "table"]
    assert said["models"][-1] == {"use": "snnplug-energy:table", "file": str(chip)}
    by_hand = (640 * 2e-12) + 400 * 4e-12  # 64 neurons, 4 steps, rate 0.25, 10 outputs
    assert said["energy"][-1]["value"] == pytest.approx(by_hand)
    page = (run / "report.html").read_text()
    assert "Models side by side" in page
    assert all(f"<h3>snnplug-energy:{name}</h3>" in page for name in [*names.split(","), "table"])
    assert "What is counted differs." in page
    records = Records.read(run)
    assert not records.problems
    assert records.energy is not None


def test_again_replaces_what_was_said(run: Path) -> None:
    energy(run, "--models", "loihi")
    energy(run, "--models", "horowitz_45nm")
    page = (run / "report.html").read_text()
    assert "snnplug-energy:horowitz_45nm" in page
    assert "snnplug-energy:loihi" not in page


def test_json(run: Path) -> None:
    said = json.loads(energy(run, "--models", "horowitz_45nm", "--json").stdout)
    assert said == json.loads((run / "energy.json").read_text())
    assert [b["name"] for b in said["energy"][0]["baselines"]] == ["dense ANN", "quantised ANN (3 bit)"]


def test_models_from_a_file(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text('[energy]\nmodels = ["loihi", { use = "lemaire", precision = "int8" }]\n')
    energy(run, "--from", file, "--models", "horowitz_45nm")
    models = json.loads((run / "energy.json").read_text())["models"]
    assert models == [
        {"use": "snnplug-energy:horowitz_45nm"},
        {"use": "snnplug-energy:loihi"},
        {"use": "snnplug-energy:lemaire", "precision": "int8"},
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "horowits_45nm"], "Did you mean 'horowitz_45nm'?"),
        (["--models", "truenorth_relative"], "models.0.reference: missing; it has no default"),
        (
            ["-m", '{ use = "lemaire", precison = "int8" }'],
            "models.0.precison: unknown parameter. Did you mean",
        ),
        (["-m", "{ use = lemaire }"], "is no inline table of TOML"),
        (["-m", '{ use = "table", file = "none.toml" }'], "file none.toml cannot be read"),
        (["--from", "nowhere.toml"], "no recipe file 'nowhere.toml'"),
        ([], "no model is named; give --models, -m or --from. Energy models: horowitz_45nm, keras_spiking"),
    ],
)
def test_mistakes_are_one_clear_line_and_write_nothing(run: Path, arguments: list[str], message: str) -> None:
    names = sorted(file.name for file in run.iterdir())
    result = energy(run, *arguments, code=2)
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    visible = sorted(file.name for file in run.iterdir() if not file.name.startswith("."))
    assert visible == [name for name in names if not name.startswith(".")]


def test_all_mistakes_are_said_together(run: Path) -> None:
    result = energy(run, "--models", "truenorth_relative,nothing", code=2)
    assert "models.0.reference: missing" in result.stderr
    assert "nothing" in result.stderr


def test_a_directory_of_something_else(run: Path, tmp_path: Path) -> None:
    result = energy(tmp_path, "--models", "loihi", code=2)
    assert result.stderr == f"snnplug: {tmp_path} is not a run directory: it has no resolved.json\n"
    result = energy(tmp_path / "none", "--models", "loihi", code=2)
    assert f"there is no run directory {tmp_path / 'none'}" in result.stderr


def test_an_unfinished_run(tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path / "half")
    directory.write_json("resolved.json", {"schema": 2, "recipe": {}})
    result = energy(directory.path, "--models", "loihi", code=2)
    assert "was never finished; continue it with: snnplug run --resume" in result.stderr
    directory.write_json("summary.json", {"schema": 2})
    result = energy(directory.path, "--models", "loihi", code=2)
    assert "has no activity.json, which the stage measure writes" in result.stderr


def test_a_damaged_activity(run: Path) -> None:
    energy(run, "--models", "loihi")
    (run / "activity.json").write_text("{}")
    result = energy(run, "--models", "loihi", code=2)
    assert "activity.json" in result.stderr
    assert Records.read(run).energy is None


def test_what_is_of_another_measurement_is_not_shown(run: Path) -> None:
    energy(run, "--models", "loihi")
    RunDirectory(run).write_json("activity.json", to_plain(tiny_activity(0.5)))
    records = Records.read(run)
    assert records.energy is None
    assert "is of another measurement; make it again with: snnplug energy" in records.problems["energy.json"]


def test_an_activity_of_an_earlier_version_is_refused_by_what_needs_more(run: Path) -> None:
    plain = to_plain(tiny_activity(0.25))
    for layer in plain["synapses"]:
        for key in ("inputs", "outputs", "weights", "fan_in", "filters", "kernel", "stride"):
            del layer[key]
    RunDirectory(run).write_json("activity.json", plain)
    energy(run, "--models", "horowitz_45nm")
    result = energy(run, "--models", "lemaire", code=2)
    assert "if an earlier snnplug recorded the activity, run the recipe again" in result.stderr
