"""What stands around a component that misbehaves: the way on, the traceback, Ctrl-C, workers, old results."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import attrs
import pytest

pytest.importorskip("torch")

import components
import toys
from click.testing import CliRunner
from components import bad_registry, recipe_with
from torch.utils.data import get_worker_info
from ways import RAISES, act

import snnplug
from snnplug import DatasetSpec, NeuronSpec, Registry, ScorerSpec
from snnplug.cli import main
from snnplug.errors import ComponentError, SnnplugError
from snnplug.report.sections.measure import Measure

RECIPE = """
[dataset]
use = "toy"
[encoder]
use = "toy"
[neuron]
use = "bad"
[loss]
use = "toy"
[architecture]
use = "toy"
[train]
epochs = 2
"""


class Mended(toys.ToyNeuron):
    def __init__(self, *, place: str = "", way: str = "", late: str = "") -> None:
        super().__init__()


class Interrupted:
    """Ctrl-C is pressed while it works."""

    def __call__(self, candidate: Any) -> float:
        signal.raise_signal(signal.SIGINT)
        return 1.0


class Loaded:
    """A split that a process of its own loads, and that fails there."""

    workers = 1

    def __init__(self, split: Any, way: str) -> None:
        self.split, self.way = split, way

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> Any:
        values, label = self.split[index]
        if get_worker_info() is None or not self.way:
            return values, label
        return act(self.way, "", values) if self.way in RAISES else (values[..., : 3 + index % 2], label)


def loaded_data(*, way: str = "") -> Any:
    splits = toys.toy_data()
    return attrs.evolve(splits, train=Loaded(splits.train, way))


def mended_registry() -> Registry:
    registry = toys.toy_registry()
    registry.register(
        NeuronSpec(name="bad", target=Mended, summary="Good again."),
        plugin=components.PLUGIN,
        version=components.VERSION,
    )
    return registry


def test_a_mended_component_goes_on_where_it_failed(tmp_path: Path) -> None:
    whole = recipe_with("neuron", {"place": "step", "way": "raises", "late": ""})
    expected = snnplug.run(whole, out=tmp_path / "whole", registry=mended_registry(), device="cpu")
    directory = tmp_path / "run"
    late = recipe_with("neuron", {"place": "step", "way": "raises", "late": str(directory / "checkpoint.pt")})
    with pytest.raises(ComponentError):
        snnplug.run(late, out=directory, registry=bad_registry(), device="cpu")
    resumed = snnplug.resume(directory, registry=mended_registry(), device="cpu")
    assert resumed.summary["accuracy"] == expected.summary["accuracy"]
    assert [e.loss for e in resumed.metrics] == [e.loss for e in expected.metrics]


@pytest.mark.parametrize(
    ("place", "way", "code"), [("build", "exits", 1), ("step", "exits", 1), ("build", "interrupts itself", 1)]
)
def test_no_command_ends_well_without_a_result(
    place: str, way: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "from_installed", lambda *_, **__: bad_registry())
    (tmp_path / "recipe.toml").write_text(RECIPE)
    recipe, sets = str(tmp_path / "recipe.toml"), ["-s", f"neuron.place={place}", "-s", f"neuron.way={way}"]
    for command in (["run", recipe, "--out", str(tmp_path / "run"), "-q"], ["check", recipe]):
        done = CliRunner().invoke(main, [*command, *sets, "--device", "cpu"])
        assert done.exit_code == code, done.output
        [line] = done.stderr.splitlines()
        assert line.startswith("snnplug: neuron acme-bad:bad 1.2 raised ")
        assert line.endswith("SNNPLUG_TRACEBACK=1 in the environment shows the traceback")
        assert not (tmp_path / "run").exists()
    monkeypatch.setenv("SNNPLUG_TRACEBACK", "1")
    done = CliRunner().invoke(main, ["check", recipe, *sets, "--device", "cpu"])
    assert "Traceback (most recent call last)" in done.stderr
    assert "ways.py" in done.stderr


@pytest.mark.parametrize("way", ["exits", "interrupts itself"])
def test_command_that_is_stopped_half_way_says_how_to_go_on(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "from_installed", lambda *_, **__: bad_registry())
    (tmp_path / "recipe.toml").write_text(RECIPE)
    directory = tmp_path / "run"
    sets = {"place": "step", "way": way, "late": str(directory / "checkpoint.pt")}
    overrides = [word for key, value in sets.items() for word in ("-s", f'neuron.{key}="{value}"')]
    command = ["run", str(tmp_path / "recipe.toml"), "--out", str(directory), "-q", "--device", "cpu"]
    done = CliRunner().invoke(main, [*command, *overrides])
    assert (done.exit_code, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("snnplug: neuron acme-bad:bad 1.2 raised ")
    assert f"traceback: {directory / 'errors.log'}" in line
    assert line.endswith(f"go on with: snnplug run --resume {directory}")


def test_benchmark_that_exits_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "from_installed", lambda *_, **__: bad_registry())
    sets = ["-s", "benchmark.place=build", "-s", "benchmark.way=exits"]
    done = CliRunner().invoke(
        main, ["correlate", "--benchmark", "bad", "--out", str(tmp_path / "out"), *sets]
    )
    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("snnplug: benchmark acme-bad:bad 1.2 raised SystemExit: 0; expected ")


def test_ctrl_c_is_the_users(tmp_path: Path) -> None:
    registry = toys.toy_registry()
    registry.register(ScorerSpec(name="bad", target=Interrupted, summary="Interrupted."))
    recipe = recipe_with("scorer", {})
    with pytest.raises(KeyboardInterrupt):
        snnplug.run(recipe, out=tmp_path / "run", registry=registry, device="cpu")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    "way",
    [
        "interrupts itself",
        *(pytest.param(way, marks=pytest.mark.slow) for way in ("exits", "is unprintable")),
    ],
)
def test_scorer_in_a_worker_costs_its_candidate(way: str, tmp_path: Path) -> None:
    recipe = recipe_with("scorer", {"place": "call", "way": way})
    alone = snnplug.run(recipe, out=tmp_path / "alone", registry=bad_registry(), device="cpu")
    recipe["search"]["workers"] = 2
    several = snnplug.run(recipe, out=tmp_path / "several", registry=bad_registry(), device="cpu")
    assert [trial.score for trial in several.trials] == [trial.score for trial in alone.trials]
    assert several.summary["notes"] == alone.summary["notes"]
    assert "Traceback" in (tmp_path / "several" / "errors.log").read_text()


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("speaks in lines", "raised OSError: one ?[31mtwo; expected samples"),
        ("exits", "exited unexpectedly; expected samples"),
        ("shapes", ": samples of one batch have the shapes [1, 4, 3], [1, 4, 4]; all must be alike."),
    ],
)
def test_data_that_fail_in_a_process_that_loads_them(way: str, words: str, tmp_path: Path) -> None:
    registry = toys.toy_registry()
    spec = DatasetSpec(name="bad", target=loaded_data, summary="Loaded elsewhere.")
    registry.register(spec, plugin=components.PLUGIN, version=components.VERSION)
    recipe = recipe_with("dataset", {"way": way})
    with pytest.raises(SnnplugError) as caught:
        snnplug.run(recipe, out=tmp_path / "run", registry=registry, device="cpu")
    line = str(caught.value)
    assert line.startswith("dataset acme-bad:bad 1.2")
    assert words in line
    assert line.isprintable()


def test_energies_that_are_no_numbers_can_be_compared(tmp_path: Path) -> None:
    runs = []
    for name in ("one", "other"):
        recipe = recipe_with("energy_model", {"place": "count", "way": "nan"})
        runs.append(snnplug.run(recipe, out=tmp_path / name, registry=bad_registry(), device="cpu").directory)
    summary = json.loads((runs[1] / "summary.json").read_text())
    broken = {"model": "acme:old", "value": None, "unit": "J", "items": [{"name": "a", "count": None}]}
    summary["energy"].append(broken)  # as an earlier version wrote NaN
    (runs[1] / "summary.json").write_text(json.dumps(summary))
    (runs[1] / "checksums.json").unlink(missing_ok=True)  # it had none then
    done = CliRunner().invoke(main, ["compare", *map(str, runs)])
    assert done.exit_code == 0, done.output
    assert "energy, toy" in done.stdout


def test_section_of_the_report_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, records: Any) -> Any:
        raise RuntimeError("no picture")

    monkeypatch.setattr(Measure, "render", broken)
    recipe = recipe_with("neuron", {})
    done = snnplug.run(recipe, out=tmp_path / "run", registry=bad_registry(), device="cpu")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "the report has no section measure: RuntimeError: no picture" in page
    assert 'id="energy"' not in page
    assert "no picture" in (tmp_path / "run" / "errors.log").read_text()
    assert done.result is not None and done.result.accuracy is not None
