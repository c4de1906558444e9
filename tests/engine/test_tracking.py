"""Trackers of a run: told all of it, unable to change it, given up with one warning where they fail."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from outcomes import TIMES

from snnplug import Registry, TrackedRun, TrackerSpec, Trial, resume, run
from snnplug.cli.main import main
from snnplug.engine import training
from snnplug.errors import UsageError


class Notebook:
    """Remembers what it is told, in a list for each session."""

    def __init__(self) -> None:
        self.sessions: list[list[tuple[str, Any]]] = []

    def start(self, run: TrackedRun) -> str:
        self.sessions.append([("start", run)])
        return "on my desk"

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        self.sessions[-1].append(("log", (step, dict(metrics))))

    def trial(self, trial: Trial, metrics: Mapping[str, float]) -> None:
        self.sessions[-1].append(("trial", (trial.index, trial.genotype, dict(metrics))))

    def finish(self, summary: Mapping[str, float]) -> None:
        self.sessions[-1].append(("finish", dict(summary)))

    def told(self, what: str, session: int = -1) -> list[Any]:
        return [said for method, said in self.sessions[session] if method == what]


class Vandal(Notebook):
    """Changes whatever it can, whenever it is called."""

    def _rage(self, *_: Any) -> str:
        random.seed(7)
        torch.manual_seed(7)
        torch.set_grad_enabled(False)
        torch.set_num_threads(3)
        torch.set_default_dtype(torch.float64)
        return ""

    start = log = trial = finish = _rage


class Failing(Notebook):
    """Fails at one of its methods, and counts its calls."""

    def __init__(self, *, at: str = "log", how: type[BaseException] = RuntimeError) -> None:
        super().__init__()
        self.calls: list[str] = []
        for method in ("start", "log", "trial", "finish"):
            setattr(self, method, self._fails(method, how) if method == at else self._works(method))

    def _works(self, method: str) -> Any:
        return lambda *_: self.calls.append(method) or ""

    def _fails(self, method: str, how: type[BaseException]) -> Any:
        def fail(*_: Any) -> None:
            self.calls.append(method)
            raise how("out of ink")

        return fail


def lines(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def results(directory: Path) -> dict[str, Any]:
    """All that a run has found, without times."""
    timed = ("seconds", "versions", "device", "search")
    summary = json.loads((directory / "summary.json").read_text())
    trials = json.loads((directory / "trials.json").read_text())
    return {
        "summary": {key: value for key, value in summary.items() if key not in timed},
        "trials": [{key: value for key, value in trial.items() if key != "seconds"} for trial in trials],
        "epochs": [
            {key: value for key, value in line.items() if key not in TIMES} for line in lines(directory)
        ],
        "weights": torch.load(directory / "checkpoint.pt", weights_only=True)["model"],
    }


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    weights, others = one.pop("weights"), other.pop("weights")
    return one == other and all(torch.equal(weights[name], others[name]) for name in weights)


def test_it_is_told_all_that_the_directory_has(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook, directory = Notebook(), tmp_path / "run"
    run(toy_recipe, out=directory, registry=toy_registry, trackers=[notebook], quiet=False)
    assert "tracker notebook: on my desk" in capsys.readouterr().err
    (started,) = notebook.told("start")
    assert (started.name, started.directory) == ("toy", directory)
    assert started.folder == directory / "trackers" / "notebook" and not started.folder.exists()
    assert started.parameters["train.optimizer.lr"] == 0.02
    assert started.parameters["neuron.use"] == "local:toy"
    assert json.loads(str(started.parameters["energy.models"])) == [{"use": "local:toy"}]
    epochs = notebook.told("log")
    assert [step for step, _ in epochs] == [1, 2, 3, 4]
    for (_, metrics), line in zip(epochs, lines(directory), strict=True):
        assert metrics["train/val_loss"] == line["val_loss"] and metrics["train/lr"] == line["lr"]
    trials = json.loads((directory / "trials.json").read_text())
    told = {index: (genotype, metrics) for index, genotype, metrics in notebook.told("trial")}
    assert len(told) == len(notebook.told("trial")) == len(trials)
    for trial in trials:
        genotype, metrics = told[trial["index"]]
        assert (genotype, metrics["search/score"]) == (trial["genotype"], trial["score"])
        assert metrics["search/toy_size"] == trial["values"]["local:toy_size"]
    summary = json.loads((directory / "summary.json").read_text())
    (finished,) = notebook.told("finish")
    assert finished["accuracy.test"] == summary["accuracy"]["test"]
    assert finished["energy.local:toy"] == summary["energy"][0]["value"]
    assert finished["seconds.train"] == summary["seconds"]["train"]
    assert not [name for name, value in finished.items() if not isinstance(value, float) or name == "schema"]


def test_no_tracker_changes_a_result(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    threads = torch.get_num_threads()
    run(toy_recipe, out=tmp_path / "alone", registry=toy_registry)
    run(toy_recipe, out=tmp_path / "told", registry=toy_registry, trackers=[Vandal(), Notebook(), Failing()])
    assert equal(results(tmp_path / "alone"), results(tmp_path / "told"))
    resolved = [json.loads((tmp_path / name / "resolved.json").read_text()) for name in ("alone", "told")]
    assert resolved[0] == resolved[1]
    assert torch.is_grad_enabled() and torch.get_num_threads() == threads
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("how", [RuntimeError, SystemExit, UsageError, KeyboardInterrupt])
@pytest.mark.parametrize("at", ["start", "log", "trial", "finish"])
def test_one_that_fails_costs_one_warning(
    at: str,
    how: type[BaseException],
    toy_registry: Registry,
    toy_recipe: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing, other = Failing(at=at, how=how), Notebook()
    del toy_recipe["energy"]
    done = run(
        toy_recipe,
        out=tmp_path / "run",
        registry=toy_registry,
        trackers=[failing, other],
        overrides=["train.epochs=2"],
    )
    assert done.summary["accuracy"]["test"] > 0 and done.result is not None and done.result.notes is None
    said = capsys.readouterr().err
    assert said.count("note:") == 1 and said.count("\n") == 1, said
    assert "tracker local:failing" in said and "out of ink" in said
    assert "the run goes on without this tracker" in said
    assert failing.calls.count(at) == 1 and failing.calls[-1] == at
    assert [step for step, _ in other.told("log")] == [1, 2] and other.told("finish")[0]
    assert "out of ink" in (tmp_path / "run" / "errors.log").read_text()


def test_a_run_that_was_stopped_and_goes_on_is_told_from_the_start(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = training._Trainer._epoch

    def stop(self: Any, epoch: int, bar: Any) -> Any:
        if epoch == 2:
            raise KeyboardInterrupt
        return original(self, epoch, bar)

    notebook, late, directory = Notebook(), Notebook(), tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(training._Trainer, "_epoch", stop)
        with pytest.raises(KeyboardInterrupt):
            run(toy_recipe, out=directory, registry=toy_registry, trackers=[notebook])
    assert [step for step, _ in notebook.told("log")] == [1, 2]
    assert notebook.told("finish") == [{}]
    before = notebook.told("trial")
    resume(directory, registry=toy_registry, trackers=[notebook, late])
    assert notebook.told("log") == late.told("log") and [step for step, _ in late.told("log")] == [1, 2, 3, 4]
    assert notebook.told("log", 0) == notebook.told("log")[:2]  # times too: nothing was done again
    assert notebook.told("trial") == late.told("trial") == before
    assert late.told("finish")[0]["accuracy.test"] > 0
    resume(directory, registry=toy_registry, trackers=[notebook])  # finished
    assert notebook.told("log") == late.told("log") and notebook.told("finish") == late.told("finish")


def test_each_has_a_folder_of_its_own(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    one, other = Notebook(), Notebook()
    run(
        toy_recipe,
        out=tmp_path / "run",
        registry=toy_registry,
        trackers=[one, other],
        overrides=["train.epochs=1"],
    )
    folders = [notebook.told("start")[0].folder.name for notebook in (one, other)]
    assert folders == ["notebook", "notebook-2"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["note"], r"unknown tracker 'note'\. Did you mean 'notes'\?"),
        (["{use = notes}"], "is no inline table of TOML"),
        ([{"at": "log"}], "tracker.use: it is missing"),
        ([{"use": "notes", "ink": "red"}], r"notes\.ink: unknown parameter"),
        ([3], r"must have the methods start, log, trial, finish; 3 lacks start, log, trial, finish"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    given: list[Any], message: str, toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    toy_registry.register(TrackerSpec(name="notes", target=Failing, summary="Notes."))
    with pytest.raises(UsageError, match=message):
        run(toy_recipe, out=tmp_path / "run", registry=toy_registry, trackers=given)
    assert not (tmp_path / "run").exists()


def test_a_component_of_another_kind_is_none(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="a neuron is no tracker: local:toy"):
        run(
            toy_recipe,
            out=tmp_path / "r",
            registry=toy_registry,
            trackers=[toy_registry.use("neuron", "toy")],
        )


def test_names_tables_components_and_classes(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    built: list[Failing] = []

    class Counted(Failing):
        def __init__(self, *, at: str = "never") -> None:
            super().__init__(at=at)
            built.append(self)

    toy_registry.register(TrackerSpec(name="notes", target=Counted, summary="Notes."))
    given = [
        "notes",
        '{use = "notes", at = "no"}',
        {"use": "notes"},
        toy_registry.use("tracker", "notes"),
        Counted,
    ]
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry, trackers=given, overrides=["train.epochs=1"])
    assert len(built) == 5 and all(one.calls[-1] == "finish" for one in built)


def test_the_command_refuses_a_wrong_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["run", "--tracker", "csx"])
    assert done.exit_code == 2 and "unknown tracker 'csx'" in done.stderr and not list(tmp_path.iterdir())
