"""A run as an object: what it holds, its network, its tables."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import toys
from click.testing import CliRunner

import snnplug
from snnplug import Registry, Run
from snnplug.cli import main
from snnplug.errors import DataError, RunDirectoryError
from snnplug.nn import seeded


@pytest.fixture
def done(toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path) -> Run:
    return snnplug.run(toy_recipe, out=tmp_path / "run", registry=toy_registry)


@pytest.fixture
def loaded(done: Run, toy_registry: Registry) -> Run:
    return snnplug.load(done.directory, registry=toy_registry)


def images(count: int = 5) -> torch.Tensor:
    with seeded(7):
        return torch.rand(count, 1, 4, 4)


def test_it_holds_what_the_files_say(done: Run, loaded: Run) -> None:
    assert loaded == done
    assert loaded.summary == json.loads((done.directory / "summary.json").read_text())
    assert loaded.result is not None
    assert loaded.result.accuracy is not None
    assert loaded.result.accuracy.test == loaded.summary["accuracy"]["test"]
    assert [epoch.epoch for epoch in loaded.metrics] == [1, 2, 3, 4]
    assert len(loaded.trials) == loaded.summary["search"]["evaluated"]
    assert sum(trial.draws or 0 for trial in loaded.trials) == loaded.summary["search"]["draws"]
    assert loaded.activity is not None
    assert loaded.activity.spikes_per_sample == loaded.summary["spikes_per_sample"]
    assert loaded.recipe.train.epochs == 4
    assert "accuracy" in repr(loaded)
    assert len(repr(loaded)) < 200
    assert "<iframe" in loaded._repr_html_()


def test_network_from_the_disk_is_the_one_of_the_run_bit_for_bit(done: Run, loaded: Run) -> None:
    mine, theirs = done.model(), loaded.model()
    assert mine is not theirs
    assert not theirs.training
    x = done.encode(images(9))
    assert torch.equal(x, loaded.encode(images(9)))
    with torch.no_grad():
        assert torch.equal(mine(x), theirs(x))
    assert loaded.model() is theirs


def test_one_image_a_batch_and_a_loader_are_classified(loaded: Run) -> None:
    batch = images(5)
    whole = loaded.predict(batch)
    assert whole.labels.shape == (5,)
    torch.testing.assert_close(whole.probabilities.sum(1), torch.ones(5))
    assert torch.equal(whole.labels, whole.probabilities.argmax(1))
    assert (whole.spikes == whole.spikes.round()).all()
    data = torch.utils.data.TensorDataset(batch, torch.zeros(5))
    for given in (torch.utils.data.DataLoader(data, batch_size=2), list(batch.split(2)), batch.numpy()):
        found = loaded.predict(given)
        assert torch.equal(found.labels, whole.labels)
        assert torch.equal(found.spikes, whole.spikes)
    one = loaded.predict(batch[3])
    assert torch.equal(one.labels, whole.labels[3:4])
    assert torch.equal(one.spikes, whole.spikes[3:4])


def test_spikes_are_those_that_the_recorder_counts(loaded: Run) -> None:
    from snnplug.nn import record

    model, batch = loaded.model(), images(6)
    with record(model) as activity, torch.no_grad():
        model(loaded.encode(batch))
    assert float(loaded.predict(batch).spikes.sum()) == pytest.approx(6 * activity.spikes_per_sample)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.rand(2, 3, 4, 4), r"one image \[1, 4, 4\] or a batch \[B, 1, 4, 4\], got \[2, 3, 4, 4\]"),
        (torch.rand(4, 4), r"got \[4, 4\]"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.uint8), "floats in .*divide 8-bit ones by 255"),
        ([], "no images"),
    ],
)
def test_images_of_another_sort_are_refused(loaded: Run, given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        loaded.predict(given)


def test_moved_to_a_machine_without_the_plugin(done: Run, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(done.directory, tmp_path / "elsewhere"))
    for file in ("resolved.json", "summary.json"):
        text = (moved / file).read_text().replace("local:", "acme-toys:")
        (moved / file).write_text(text)
    (moved / "checksums.json").unlink()
    run = snnplug.load(moved, registry=Registry())
    assert run.summary["accuracy"] == done.summary["accuracy"]
    with pytest.raises(RunDirectoryError) as caught:
        run.model()
    assert "\n" not in str(caught.value)
    assert "this run needs acme-toys, not installed here; run: pip install acme-toys" in str(caught.value)
    with pytest.raises(RunDirectoryError, match="registered from Python; give load the registry"):
        snnplug.load(done.directory, registry=Registry()).model()


def test_data_need_not_be_there(done: Run, tmp_path: Path) -> None:
    registry = toys.toy_registry()
    registry._by_kind["dataset"].clear()
    assert snnplug.load(done.directory, registry=registry).predict(images(2)).labels.shape == (2,)


def test_unfinished_and_untrained_runs_say_so(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    del toy_recipe["train"]
    searched = snnplug.run(toy_recipe, out=tmp_path / "searched", registry=toy_registry)
    with pytest.raises(RunDirectoryError, match="holds no trained network"):
        snnplug.load(searched.directory, registry=toy_registry).model()
    (searched.directory / "summary.json").unlink()
    stopped = snnplug.load(searched.directory, registry=toy_registry)
    assert stopped.summary == {}
    assert "not finished" in repr(stopped)
    with pytest.raises(RunDirectoryError, match="is not finished; run: snnplug run --resume"):
        stopped.model()
    with pytest.raises(RunDirectoryError, match="there is no run directory"):
        snnplug.load(tmp_path / "nowhere")


def test_tables(done: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(done.csv("metrics"))))
    assert [float(row["val_accuracy"]) for row in rows] == [e.val_accuracy for e in done.metrics]
    trials = list(csv.DictReader(io.StringIO(done.csv("trials"))))
    assert [float(row["score"]) for row in trials] == [t.score for t in done.trials]
    assert [float(row["values.local:toy_size"]) for row in trials] == [
        t.values["local:toy_size"] for t in done.trials
    ]


def test_frames_where_pandas_is_there(done: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        RunDirectoryError, match="pip install pandas; or write a CSV file: snnplug export-table"
    ):
        done.trials_frame()
    monkeypatch.undo()
    pytest.importorskip("pandas")
    assert list(done.metrics_frame()["epoch"]) == [1, 2, 3, 4]
    assert len(done.trials_frame()) == len(done.trials)


def test_export_table_command(done: Run, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["export-table", str(done.directory)])
    assert result.exit_code == 0
    assert result.stdout == done.csv("metrics")
    target = tmp_path / "trials.csv"
    result = CliRunner().invoke(main, ["export-table", str(done.directory), "trials", "--out", str(target)])
    assert target.read_text() == done.csv("trials")
    (done.directory / "metrics.jsonl").unlink()
    result = CliRunner().invoke(main, ["export-table", str(done.directory)])
    assert result.exit_code == 2
    assert "metrics.jsonl is gone. " in result.stderr
    (done.directory / "summary.json").unlink()
    result = CliRunner().invoke(main, ["export-table", str(done.directory)])
    assert result.exit_code == 2
    assert "has no metrics" in result.stderr


def test_registry_by_attribute() -> None:
    registry = toys.toy_registry()
    assert registry.neurons.toy(tau=3.0).tau == 3.0
    assert registry.neurons["local:toy"](tau=4.0).tau == 4.0
    assert "neurons" in dir(registry)
    assert dir(registry.scorers) == ["toy", "toy_killer", "toy_size"]
    with pytest.raises(AttributeError, match="unknown neuron 'lfi'"):
        _ = registry.neurons.lfi
    with pytest.raises(AttributeError, match="has no attribute 'neruons'"):
        _ = registry.neruons
