"""What trackers write, read back by the libraries that users read it with."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from snnplug import Component, Registry, TrackedRun, Trial
from snnplug.errors import UsageError
from snnplug.testing import PluginConformance, TrackerConformance
from snnplug.testing.tracker import tell, told_points

LIGHTNING = any(map(importlib.util.find_spec, ("lightning", "pytorch_lightning")))
Points = list[tuple[str, int, float]]
BLOCK, FULL, LAST = 32768, 1, 4


def needs(*packages: str) -> Any:
    """Skip where a package is not installed."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    missing += [] if LIGHTNING or "tensorboard" in packages else ["lightning"]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed")


class TestPlugin(PluginConformance):
    name = "snnplug-trackers"


class TestCSV(TrackerConformance):
    name = "snnplug-trackers:csv"

    def written(self, run: TrackedRun) -> Points:
        return [
            *(
                (f"{row['stage']}/{name}", int(row["step"]), float(row[name]))
                for row in rows(run.folder / "metrics.csv")
                for name in ("loss", "accuracy")
            ),
            *(("search/score", int(r["index"]), float(r["score"])) for r in rows(run.folder / "trials.csv")),
        ]


def rows(file: Path) -> list[dict[str, str]]:
    with open(file, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def a_run(folder: Path) -> TrackedRun:
    return TrackedRun(
        name="study", directory=folder, folder=folder / "trackers" / "own", parameters={"train.epochs": 3}
    )


def test_tables_gain_columns_and_keep_what_they_have(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    tracker = Registry.from_installed().create("tracker", "csv")
    assert tracker.start(run) == str(run.folder)
    tracker.log({"search.supernet/loss": 0.5, "search.supernet/spikes": 3.0}, 1)
    tracker.log({"train/loss": 0.1 + 0.2, "train/accuracy": 0.5}, 1)
    tracker.log({"train/loss": 0.25}, 2)
    tracker.trial(Trial(index=0, genotype={"a, b": '"'}, key="k", score=math.nan), {"search/seconds": 1.0})
    tracker.trial(Trial(index=1, genotype=[], key="l", score=2.0, rung=1), {"search.rung-1/score": 2.0})
    tracker.finish({"accuracy.test": 0.9})
    assert [list(row.values()) for row in rows(run.folder / "metrics.csv")] == [
        ["search.supernet", "1", "0.5", "3.0", ""],
        ["train", "1", "0.30000000000000004", "", "0.5"],
        ["train", "2", "0.25", "", ""],
    ]
    trials = rows(run.folder / "trials.csv")
    assert json.loads(trials[0]["genotype"]) == {"a, b": '"'} and trials[0]["score"] == ""
    assert (trials[1]["rung"], trials[1]["score"]) == ("1", "2.0")
    assert rows(run.folder / "parameters.csv") == [{"parameter": "train.epochs", "value": "3"}]
    assert rows(run.folder / "summary.csv") == [{"number": "accuracy.test", "value": "0.9"}]
    assert not list(run.folder.glob("*.part"))


def test_a_resumed_run_has_no_result_until_it_ends(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    for summary in ({"accuracy.test": 0.9}, {}):
        tell(Registry.from_installed().create("tracker", "csv"), run, summary=summary)
        assert (run.folder / "summary.csv").exists() == bool(summary)


@needs("tensorboard")
@pytest.mark.filterwarnings("ignore")
class TestTensorBoard(TrackerConformance):
    name = "snnplug-trackers:tensorboard"

    def written(self, run: TrackedRun) -> Points:
        found = events(run.folder)
        names = [name for name in found.Tags()["scalars"] if "/" in name]
        return [
            (name, event.step, pytest.approx(event.value)) for name in names for event in found.Scalars(name)
        ]

    def check_written(self, run: TrackedRun, said: str) -> None:
        told = {(name, step): value for name, step, value in told_points()}
        found = self.written(run)
        assert {(name, step): value for name, step, value in found} == told, said
        assert len(found) == len(told), f"{said} a number twice"


def events(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    found.Reload()
    return found


@needs("tensorboard")
@pytest.mark.filterwarnings("ignore")
def test_tensorboard_has_parameters_and_result(tmp_path: Path) -> None:
    run = a_run(tmp_path / "runs" / "one")
    run.directory.mkdir(parents=True)
    tracker = Registry.from_installed().create("tracker", "tensorboard")
    assert tracker.start(run) == f"tensorboard --logdir {tmp_path / 'runs'}"
    tracker.finish({"accuracy.test": 0.75})
    found = events(run.folder)
    assert found.Scalars("accuracy.test")[0].value == 0.75
    metadata = found.summary_metadata["_hparams_/session_start_info"]
    assert b"train.epochs" in metadata.plugin_data.content


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of a file, which takes MLflow seconds to make."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.mark.slow
@needs("mlflow")
@pytest.mark.filterwarnings("ignore")
class TestMLflow(TrackerConformance):
    name = "snnplug-trackers:mlflow"

    @pytest.fixture
    def component(self, installed_registry: Registry, database: str) -> Component:
        return installed_registry.use(self.kind, self.name, uri=database)

    def written(self, run: TrackedRun) -> Points:
        client, run_id = client_of(run)
        names = [name for name in client.get_run(run_id).data.metrics if "/" in name]
        return [
            (name, point.step, point.value)
            for name in names
            for point in client.get_metric_history(run_id, name)
        ]


def client_of(run: TrackedRun) -> tuple[Any, str]:
    from mlflow.tracking import MlflowClient

    known = json.loads((run.folder / "run.json").read_text())
    return MlflowClient(known["uri"]), known["run"]


@pytest.mark.slow
@needs("mlflow")
@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_one_run_with_parameters_result_and_status(tmp_path: Path, database: str) -> None:
    run, registry = a_run(tmp_path / "one"), Registry.from_installed()
    for summary, status in (
        ({}, "KILLED"),
        ({"accuracy.test": 0.5}, "FINISHED"),
        ({"accuracy.test": 0.75}, "FINISHED"),
    ):
        tell(registry.create("tracker", "mlflow", uri=database, experiment="e"), run, summary=summary)
        client, run_id = client_of(run)
        found = client.get_run(run_id)
        assert found.info.status == status
        assert {
            name: value for name, value in found.data.metrics.items() if "." in name and "/" not in name
        } == summary
    assert found.data.params == {"train.epochs": "3"} and found.info.run_name == "one"
    experiment = client.get_experiment_by_name("e")
    assert [one.info.run_id for one in client.search_runs([experiment.experiment_id])] == [run_id]


@pytest.mark.slow
@needs("wandb")
@pytest.mark.filterwarnings("ignore")
class TestWandbOffline(TrackerConformance):
    name = "snnplug-trackers:wandb"
    params: ClassVar[Any] = ({"mode": "offline"},)

    def test_a_run_that_was_stopped_is_told_again(self, component: Component, run: TrackedRun) -> None:
        """As for all trackers, but slowly: offline folders are named by the second."""
        for summary in ({}, {"accuracy.test": 0.5}, {"accuracy.test": 0.5}):
            tell(component.build(), run, summary=summary)
            time.sleep(1.1)
        self.check_written(run, "told again by three sessions, it has written")

    def test_a_run_that_was_killed_is_told_again(self, component: Component, run: TrackedRun) -> None:
        """In a process of its own: the service that it starts knows a run until that ends."""
        killed = multiprocessing.get_context("spawn").Process(target=told_and_killed, args=(component, run))
        killed.start()
        killed.join()
        assert killed.exitcode == -signal.SIGKILL
        tell(component.build(), run, summary={"accuracy.test": 0.5})
        self.check_written(run, "told again after a session that was killed, it has written")

    def written(self, run: TrackedRun) -> Points:
        found, deadline, those = [], time.monotonic() + 60, records(run.folder / "wandb")
        while not any(record.HasField("exit") for record in those):
            assert time.monotonic() < deadline  # another process writes the end of the file
            time.sleep(0.05)
            those = records(run.folder / "wandb")
        for record in those:
            line = {
                item.key or ".".join(item.nested_key): json.loads(item.value_json)
                for item in record.history.item
            }
            step = line.pop("trainer/global_step", None)
            found += [(name, step, value) for name, value in line.items() if not name.startswith("_")]
        return found


def told_and_killed(component: Component, run: TrackedRun) -> None:
    os.environ.pop("WANDB_SERVICE", None)  # that of the process which started this one
    tell(component.build(), run, epochs=2, summary=None)
    os.kill(os.getpid(), signal.SIGKILL)


def records(folder: Path) -> list[Any]:
    """Return what `wandb sync` would upload: records of LevelDB's log format behind a header of 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    (file,) = folder.glob("offline-run-*/*.wandb")
    content, place, whole, found = file.read_bytes(), 7, b"", []
    while place + 7 <= len(content):
        if BLOCK - place % BLOCK < 7:
            place += BLOCK - place % BLOCK
        length, sort = struct.unpack("<xxxxHB", content[place : place + 7])
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if sort in (FULL, LAST):
            record, whole = wandb_internal_pb2.Record.FromString(whole), b""
            found.append(record)
    return found


@needs("wandb")
def test_wandb_leaves_out_what_the_service_has() -> None:
    from snnplug_trackers.wandb import _points

    class Run:  # as the service gives it: only what was logged, beside what it notes itself
        def scan_history(self) -> list[dict[str, Any]]:
            return [
                {"_step": 0, "train/loss": 0.5, "trainer/global_step": 1},
                {"_step": 1, "train/loss": 0.25, "trainer/global_step": 2, "train/lr": None},
                {"_step": 2, "other": 1},
            ]

    there = _points(Run())
    assert {("train/loss", 1), ("train/loss", 2)} <= there
    assert ("train/loss", 3) not in there and not any(name == "other" for name, _ in there)


@pytest.mark.parametrize(
    ("tracker", "package"),
    [("tensorboard", "tensorboard"), ("mlflow", "mlflow"), ("wandb", "wandb"), ("wandb", "lightning")],
)
def test_what_is_missing_is_said_when_it_is_chosen(
    tracker: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"lightning", "pytorch_lightning"} if package == "lightning" else {package}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: name not in gone or None)
    with pytest.raises(UsageError, match=rf"needs {package}.*pip install 'snnplug-trackers\[{tracker}\]'"):
        Registry.from_installed().create("tracker", tracker)


def test_nothing_of_them_is_imported_until_a_run_begins() -> None:
    code = (
        "import sys, importlib.util\n"
        "importlib.util.find_spec = lambda name, *more: True\n"
        "from snnplug import Registry\n"
        "registry = Registry.from_installed()\n"
        "for name in ('csv', 'tensorboard', 'mlflow', 'wandb'): registry.create('tracker', name)\n"
        "heavy = 'torch tensorboard mlflow wandb lightning pytorch_lightning lightning_fabric'.split()\n"
        "print(sorted(set(heavy) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
