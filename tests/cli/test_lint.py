"""`snnplug lint`: whether the network of a run, a candidate or a recipe fits a chip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch")
pytest.importorskip("snnplug_chips")

import snnplug
from snnplug.cli import main
from snnplug.runs.reading import Records

RECIPE = """
dataset = "digits"
neuron = "if"
architecture = { use = "vgg", layers = [8, "M", 16, "M"], pooling = "avg" }
train = { epochs = 2 }
"""
SEARCH = """
dataset = "digits"
neuron = "if"
[search]
space = { use = "snasnet", channels = 4 }
strategy = { use = "random", draws = 2 }
scorer = "parameters"
baselines = false
objectives = { chip_headroom = { goal = "max", chip = "fpga" } }
"""
CELL = "0303 0030 0002 0000"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lint")
    (folder / "recipe.toml").write_text(RECIPE)
    snnplug.run(folder / "recipe.toml", out=folder / "run", device="cpu")
    return folder / "run"


def lint(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["lint", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_network_that_fits_is_placed_and_kept_in_the_run(run: Path) -> None:
    before = (run / "summary.json").read_bytes()
    told = lint(run, "--chip", "speck", "--quantize").stdout
    assert "core 0" in told and "Speck 2e/2f: fits; headroom" in told
    assert "weights of 8 bits, a scale for a layer: test accuracy 0." in told
    assert told.splitlines()[-1] == str(run / "report.html")
    assert (run / "summary.json").read_bytes() == before
    records = Records.read(run)
    assert records.lint is not None and not records.problems
    [chip] = records.lint.chips
    assert chip.fits and chip.chip == "snnplug-chips:speck" and chip.source
    assert chip.quantized is not None and records.summary is not None and records.summary.accuracy is not None
    assert chip.quantized.before == records.summary.accuracy.test
    assert chip.quantized.samples == 359
    page = (run / "report.html").read_text()
    assert 'id="chips"' in page and "With weights of 8 bits" in page


def test_few_bits_cost_accuracy_and_many_do_not(run: Path) -> None:
    chips = [f'{{ use = "fpga", bits = {bits} }}' for bits in (2, 16)]
    said = json.loads(
        lint(run, "--chip", chips[0], "--chip", chips[1], "--quantize", "--json", code=1).stdout
    )
    two, sixteen = (chip["quantized"] for chip in said["chips"])
    assert two["before"] == sixteen["before"] == pytest.approx(sixteen["after"], abs=0.01)
    assert two["after"] < two["before"]
    assert [chip["parameters"] for chip in said["chips"]] == [{"bits": 2}, {"bits": 16}]


def test_a_misfit_says_the_layer_by_how_much_and_what_to_change(run: Path, tmp_path: Path) -> None:
    told = lint(run, "--chip", '{ use = "fpga", memory = 1 }', code=1).stdout
    [line] = [line for line in told.splitlines() if line.startswith("misfit")]
    assert "KiB of block RAM, at most 1, " in line and line.endswith("use fewer channels or bits")
    assert "FPGA: does not fit: 1 misfit; headroom -" in told
    assert "What does not fit" in (run / "report.html").read_text()
    (tmp_path / "recipe.toml").write_text(RECIPE)
    told = lint(tmp_path / "recipe.toml", "-s", "architecture.pooling=max", "--chip", "speck", code=1).stdout
    assert told.count("misfit: ") == 2
    assert "layers.3: pool: max pooling, the chip has sum pooling behind neurons: use average pools" in told
    assert not (tmp_path / "lint.json").exists()


def test_a_recipe_that_searches_needs_a_candidate(tmp_path: Path) -> None:
    (tmp_path / "search.toml").write_text(SEARCH)
    told = lint(tmp_path / "search.toml", "--chip", "speck", code=2).stderr
    assert "searches its network, so there is none yet: give --candidate" in told
    said = json.loads(
        lint(tmp_path / "search.toml", "--chip", "loihi2", "--candidate", CELL, "--json", code=1).stdout
    )
    assert len(said["network"]) == 64  # the key of the genotype
    [chip] = said["chips"]
    assert [need["told"] for need in chip["needs"] if need["told"].startswith("reduction.pool")]


def test_a_candidate_of_a_search_is_asked_about_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "search.toml").write_text(SEARCH)
    done = snnplug.run(tmp_path / "search.toml", out=tmp_path / "run", device="cpu")
    trial = done.trials[-1]
    arguments = (tmp_path / "run", "--chip", "fpga", "--candidate", trial.key[:12], "--json")
    headroom = trial.values["snnplug-chips:chip_headroom"]
    said = json.loads(lint(*arguments, code=int(headroom < 0)).stdout)
    assert said["network"] == trial.key
    assert said["chips"][0]["headroom"] == pytest.approx(headroom)
    assert not (tmp_path / "run" / "lint.json").exists()
    told = lint(*arguments, "--quantize", code=2).stderr
    assert "a candidate has no trained weights to quantize" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no chip is named; give --chip. Chips: brainscales2, fpga"),
        (["--chip", "specj"], "Did you mean 'speck'?"),
        (["--chip", "{ use = "], "is no inline table of TOML"),
        (["--chip", '{ use = "fpga", bits = 1 }'], "bits"),
        (["--chip", "speck", "-s", "seed=1"], "-s overrides keys of a recipe"),
        (["--chip", "speck", "--candidate", "3"], "has not searched"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run: Path, arguments: list[str], said: str) -> None:
    told = lint(run, *arguments, code=2).stderr
    assert said in told and "Traceback" not in told


def test_a_recipe_has_nothing_to_quantize(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    told = lint(tmp_path / "recipe.toml", "--chip", "speck", "--quantize", code=2).stderr
    assert "--quantize needs the trained weights of a run" in told
    told = lint(tmp_path / "recipe.toml", "--chip", "speck", "--candidate", CELL, code=2).stderr
    assert "leave --candidate out" in told
    assert "no recipe file" in lint(tmp_path / "nowhere.toml", "--chip", "speck", code=2).stderr


def test_a_search_takes_only_what_fits(tmp_path: Path) -> None:
    recipe = snnplug.Recipe.from_dict(
        {
            "dataset": "digits",
            "neuron": "if",
            "search": {
                "space": {
                    "use": "snasnet",
                    "channels": 4,
                    "backward": False,
                    "operations": ["zero", "conv1", "conv3"],
                },
                "strategy": {"use": "random", "draws": 6},
                "scorer": "parameters",
                "baselines": False,
                "limits": {"chip": {"use": "fpga", "memory": 10.0}},
            },
        }
    )
    done = snnplug.run(recipe, out=tmp_path / "run", device="cpu")
    refused = [trial for trial in done.trials if trial.beyond]
    kept = [trial for trial in done.trials if not trial.beyond]
    assert refused and kept
    assert all(trial.reason.startswith("does not fit the chip fpga: 1") for trial in refused)
    assert all(trial.score is None and set(trial.beyond) == {"chip"} for trial in refused)
    assert done.summary["search"]["refused"] == len(refused)
    resolved = json.loads((tmp_path / "run" / "resolved.json").read_text())
    assert resolved["recipe"]["search"]["limits"]["chip"]["use"] == "snnplug-chips:fpga"
