"""Every kind of component, misbehaving at every place where it is called, in every way.

Each case ends in one line that names the component, and nothing that was finished is lost.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("torch")

import components
from components import bad_registry, recipe_with
from ways import GIVES, RAISES

import snnplug
from snnplug.engine.correlate import read_benchmark
from snnplug.errors import ComponentError, SnnplugError

INPUT = r"expected an input \[T, B, ...\] of floats"
SPIKES = "finite spikes"


class Case(NamedTuple):
    """What misbehaves, where, how, and words that the line has to hold beside its name."""

    kind: str
    place: str
    way: str
    words: str = ""
    late: bool = False

    def __str__(self) -> str:
        return "-".join([self.kind, self.place, self.way, *(["late"] if self.late else [])]).replace(" ", "_")


def raising(kind: str, *places: str, ways: Any = tuple(RAISES), late: bool = False) -> list[Case]:
    return [Case(kind, place, way, "raised", late) for place in places for way in ways]


def giving(kind: str, place: str, ways: str, words: str, late: bool = False) -> list[Case]:
    return [Case(kind, place, way.strip(), words, late) for way in ways.split(",")]


STOPPING = [  # the run ends, with what is finished kept
    *raising("neuron", "build", "step", "initial_state"),
    *raising("neuron", "step", late=True),
    *giving("neuron", "step", "none, text, endless, tuple, wrong size, too few axes, one sample less", ""),
    *giving("neuron", "sequence", "none, text, endless, whole numbers, doubles, nan, wrong size", SPIKES),
    *giving("neuron", "sequence", "none, wrong size, nan, doubles, elsewhere, endless", SPIKES, late=True),
    *raising("encoder", "build", "forward", "output_shape"),
    *raising("encoder", "forward", late=True),
    *giving("encoder", "forward", "none, text, endless, tuple, whole numbers", INPUT),
    *giving("encoder", "forward", "wrong size, too few axes", "must return"),
    *giving("encoder", "forward", "none, text, endless, whole numbers", INPUT, late=True),
    *giving("encoder", "forward", "nan, infinite", "expected a finite input", late=True),
    *giving("encoder", "output_shape", "none, text, set, endless", ""),
    *raising("dataset", "build"),
    *raising("dataset", "length", "batch"),
    *raising("dataset", "batch", late=True),
    *giving("dataset", "build", "none, text, endless, list", "must return snnplug.Splits"),
    *giving("dataset", "train", "none, endless, true", "must have a length and samples by index"),
    *giving("dataset", "task.classes", "none, text, minus one, true, endless", "Task.classes"),
    *giving("dataset", "task.input_shape", "none, text, minus one, endless, set", "Task.input_shape"),
    *giving("dataset", "task.mean", "none, endless, true", "Task.mean"),
    *giving("dataset", "values", "none, text, endless, wrong size, nan", "values", late=True),
    *giving("dataset", "labels", "none, text, endless", "labels", late=True),
    *raising("architecture", "build", "forward"),
    *raising("architecture", "forward", late=True),
    *giving("architecture", "build", "none, text, endless, list", "torch.nn.Module"),
    *giving("architecture", "forward", "none, text, endless, tuple, too few axes, whole numbers", "outputs"),
    *giving("architecture", "forward", "none, text, endless, one sample less", "outputs", late=True),
    *giving("architecture", "forward", "nan, infinite", "finite outputs"),
    *raising("loss", "build", "forward", "readout"),
    *raising("loss", "watch", "unwatch", ways=("raises", "exits", "interrupts itself")),
    *raising("loss", "forward", "readout", late=True),
    *giving("loss", "forward", "none, text, endless, vector, whole numbers, list", "a loss that is a scalar"),
    *giving("loss", "forward", "none, vector, detached, endless", "a loss that is a scalar", late=True),
    *giving("loss", "forward", "nan, infinite", "gave it for finite outputs", late=True),
    *giving("loss", "readout", "none, text, endless, too few axes, wrong size", "expected"),
    *giving("loss", "readout", "none, text", "expected", late=True),
    *giving("loss", "readout", "wrong size", "class scores", late=True),
    *raising("search_space", "build", "sample", "key", "network"),
    *giving("search_space", "sample", "set, complex", "raised"),
    *giving("search_space", "key", "none, true, list, endless", "a text as the key"),
    *giving("search_space", "network", "none, text, list, endless", "torch.nn.Module"),
    Case("search_space", "methods", "none", "must have the methods mutate"),
    *raising("strategy", "build", "ask", "tell"),
    *giving("strategy", "ask", "none, text, minus one, true", "genotypes"),
    *giving("strategy", "ask", "endless, twice", "as many as it was asked for"),
    *giving("strategy", "ask", "set", "asked for more"),
    Case("strategy", "without end", "none", "asked for more candidates than its draws, 4"),
    *giving("strategy", "draws", "none, text, true, minus one, endless", "a whole number as draws"),
    *raising("scorer", "build"),
    *raising("executor", "build", "start", "give", "answers"),
    *giving("executor", "answers", "none, minus one", "raised TypeError"),
    *giving("executor", "answers", "text, endless", "expected an Answer"),
    *raising("energy_model", "build"),
    *raising("callback", "build"),
    *raising("callback", "on_train_start", "more_loss", "on_train_epoch_end", "state_dict"),
    *raising("callback", "on_after_optimizer_step", late=True),
    *giving("callback", "more_loss", "text, endless, tuple, list", "a scalar of floats", late=True),
    *giving("callback", "weights", "text, endless, set", "a state of the network", late=True),
    *giving("callback", "on_train_epoch_end", "none, text, endless", "finite numbers by name", late=True),
    *giving("callback", "fact", "none, text, nan, infinite, complex", "finite numbers by name", late=True),
    *giving("callback", "state_dict", "none, text, endless, set", "a state of tensors", late=True),
    *raising("chip", "build", "call"),
    *giving("chip", "call", "none, text, endless", "expected a snnplug.Fit"),
    *giving("chip", "needs", "none, text, endless", "expected a snnplug.Fit"),
    *giving("chip", "has", "nan, infinite", "finite numbers"),
]
COSTING = [  # it costs what it was asked for, and the run has its result
    *raising("scorer", "call"),
    *[
        Case("scorer", "call", way, "")
        for way in ("none", "text", "endless", "list", "nan", "complex", "set")
    ],
    *raising("search_space", "graph"),
    *giving("search_space", "graph", "none, text, endless", "snnplug.Graph"),
    *giving("search_space", "nodes", "none, endless, set", "snnplug.Graph"),
    *raising("energy_model", "call"),
    *giving("energy_model", "call", "none, text, endless, list", "snnplug.EnergyEstimate"),
    *giving("energy_model", "items", "none, endless, text", "a tuple as items"),
    *giving("energy_model", "count", "nan, infinite, text, complex", "finite numbers"),
    *giving("energy_model", "unit", "none, minus one", "texts as unit"),
    *giving("energy_model", "name", "none, endless", "a text as the name"),
    Case("energy_model", "half a letter", "none", "a text as the name"),
]
BENCHMARKS = [
    *raising("benchmark", "build"),
    *giving("benchmark", "build", "none, text, endless", "must return snnplug.Benchmark"),
    *giving("benchmark", "networks", "none, endless, set", "networks"),
    *giving("benchmark", "recipe", "none, text, endless", "tables as its recipe"),
    *giving("benchmark", "note", "none, endless", "a text as its note"),
    *giving("benchmark", "id", "none, minus one", "a text as id"),
    *giving("benchmark", "key", "none, minus one", "a text as key"),
    *giving(
        "benchmark", "accuracy", "none, text, nan, infinite, minus one, endless", "from 0 to 1 as accuracy"
    ),
    *giving("benchmark", "epochs", "none, endless", "finite numbers as epochs"),
    *giving("benchmark", "facts", "none, text", "finite numbers as facts"),
    *giving("benchmark", "genotype", "set, complex, nan", "plain JSON as genotype"),
]
EXPORTERS = [
    *raising("exporter", "build", "call"),
    *giving("exporter", "suffix", "none, endless, minus one", "a suffix"),
    *giving("exporter", "readers", "none, text, endless, set", "a list of snnplug.Readers"),
    *giving("exporter", "call", "none, text, endless, list", "expected a snnplug.Exported"),
    *giving("exporter", "files", "none, text, endless, minus one", "expected"),
    *giving("exporter", "notes", "none, endless, minus one", "texts as notes"),
]
TRACKERS = [  # it costs itself; tests/engine/test_tracking.py has what it may change
    *raising("tracker", "start", "log", "finish"),
    *raising("tracker", "log", late=True),
]


def drawn(cases: list[Case]) -> list[Any]:
    """Mark as slow what shows no kind, place, way or time that a case before it has not shown."""
    seen: set[tuple[str, ...]] = set()
    marked = []
    for case in cases:
        facets = {(case.kind, case.place, "late" * case.late), ("way", case.way)}
        marked.append(pytest.param(case, id=str(case), marks=pytest.mark.slow if facets <= seen else ()))
        seen |= facets
    return marked


def title(kind: str) -> str:
    return f"{kind.replace('_', ' ')} {components.PLUGIN}:bad {components.VERSION}"


def settings(case: Case, directory: Path) -> dict[str, Any]:
    late = str(directory / "checkpoint.pt") if case.late else ""
    return {"place": case.place, "way": case.way, "late": late}


def says_who_and_what(line: str, case: Case) -> None:
    assert title(case.kind) in line, line
    assert case.words in line or re.search(case.words, line), line
    assert line.isprintable(), line
    assert len(line) < 1500


@pytest.mark.parametrize("case", drawn(STOPPING))
def test_run_is_stopped_in_one_line(case: Case, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    recipe = recipe_with(case.kind, settings(case, directory))
    with pytest.raises(SnnplugError) as caught:
        snnplug.run(recipe, out=directory, registry=bad_registry(), device="cpu")
    says_who_and_what(str(caught.value), case)
    assert caught.value.exit_code in (1, 2)
    assert getattr(caught.value, "plugin", components.PLUGIN) == components.PLUGIN
    if case.late:
        assert (directory / "checkpoint.pt").exists()
        assert [json.loads(line)["epoch"] for line in (directory / "metrics.jsonl").read_text().splitlines()]
        if isinstance(caught.value, ComponentError):
            assert f"snnplug run --resume {directory}" in str(caught.value)
        if case.words == "raised":
            assert "Traceback" in (directory / "errors.log").read_text()


@pytest.mark.parametrize("case", drawn(COSTING))
def test_run_has_its_result(case: Case, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    recipe = recipe_with(case.kind, settings(case, directory))
    done = snnplug.run(recipe, out=directory, registry=bad_registry(), device="cpu")
    assert done.result is not None
    [note] = done.summary["notes"]
    if case.kind == "scorer":
        assert f"{title(case.kind)} has no finite score for" in note
        note = next(line for line in (directory / "errors.log").read_text().splitlines() if "scorer" in line)
        assert done.result.search is not None and done.result.search.best > 6
    says_who_and_what(note, case)
    if case.kind == "energy_model":
        assert [energy.model for energy in done.result.energy or ()] == ["local:toy"]
    if case.words == "raised":
        assert "Traceback" in (directory / "errors.log").read_text()
    assert (directory / "report.html").exists()


@pytest.mark.parametrize("case", BENCHMARKS, ids=str)
def test_benchmark_is_refused(case: Case) -> None:
    overrides = [f'benchmark.{name}="{value}"' for name, value in settings(case, Path()).items() if value]
    with pytest.raises(SnnplugError) as caught:
        read_benchmark("bad", overrides, bad_registry())
    says_who_and_what(str(caught.value), case)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    snnplug.run(recipe_with("neuron", {"use": "toy"}), out=out, registry=bad_registry(), device="cpu")
    return out


@pytest.mark.parametrize("case", drawn(EXPORTERS))
def test_exporter_leaves_the_run_as_it_was(case: Case, trained: Path, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in trained.iterdir() if file.is_file()}
    run = snnplug.load(trained, registry=bad_registry())
    with pytest.raises(SnnplugError) as caught:
        run.export({"use": "bad", **settings(case, tmp_path)}, tmp_path / "out" / "model.bad", verify=False)
    says_who_and_what(str(caught.value), case)
    assert {file: file.read_bytes() for file in trained.iterdir() if file.is_file()} == before
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("case", drawn(TRACKERS))
def test_tracker_costs_itself(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "run"
    tracker = {"use": "bad", **settings(case, directory)}
    done = snnplug.run(
        recipe_with("neuron", {"use": "toy"}),
        out=directory,
        registry=bad_registry(),
        device="cpu",
        trackers=[tracker],
    )
    assert done.result is not None and done.result.notes is None
    [note] = capsys.readouterr().err.splitlines()
    says_who_and_what(note, case)
    assert "Traceback" in (directory / "errors.log").read_text()


@pytest.mark.parametrize("way", ["raises", "exits", "interrupts itself"])
def test_tracker_that_cannot_be_built_stops_the_start(way: str, tmp_path: Path) -> None:
    tracker = {"use": "bad", "place": "build", "way": way}
    recipe, registry = recipe_with("neuron", {"use": "toy"}), bad_registry()
    with pytest.raises(SnnplugError) as caught:
        snnplug.run(recipe, out=tmp_path / "run", registry=registry, device="cpu", trackers=[tracker])
    says_who_and_what(str(caught.value), Case("tracker", "build", way, "raised"))
    assert not (tmp_path / "run").exists()


def test_the_table_is_whole() -> None:
    cases = [*STOPPING, *COSTING, *BENCHMARKS, *EXPORTERS, *TRACKERS]
    assert len(cases) >= 121
    assert len({str(case) for case in cases}) == len(cases)
    assert {case.kind for case in cases} == set(snnplug.KINDS)
    assert {case.way for case in cases} == {*RAISES, *GIVES}
