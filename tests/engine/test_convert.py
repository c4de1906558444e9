"""A trained ANN becomes an SNN in a run: converted, tuned, compared, resumed, loaded again."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import snnplug
from snnplug import Registry
from snnplug.engine import conversion, training
from snnplug.engine.rows import Judge
from snnplug.errors import UsageError

RECIPE: dict[str, Any] = {
    "dataset": {"use": "digits"},
    "encoder": {"use": "snnplug-encoders:direct", "steps": 1},
    "neuron": {"use": "relu"},
    "architecture": {"use": "vgg", "layers": [8, "M", 8, "M"]},
    "loss": {"use": "sdt"},
    "train": {"epochs": 2, "batch_size": 128, "optimizer": {"use": "adam", "lr": 1e-2}},
    "convert": {
        "neuron": {"use": "snnplug-sc-ttfs:sc_ttfs", "slots": 4},
        "samples": 200,
        "train": {"epochs": 2, "batch_size": 256},
        "compare": {
            "neurons": ["ttfs", {"use": "snnplug-sc-ttfs:sc_ttfs", "thresholds": "paper"}],
            "noise": [0.2],
            "samples": 64,
        },
    },
    "energy": {"models": ["horowitz_45nm"]},
}
ANN = {key: value for key, value in RECIPE.items() if key != "convert"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.from_installed(quiet=True)


@pytest.fixture(scope="module")
def done(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return snnplug.run(RECIPE, out=tmp_path_factory.mktemp("convert") / "run", registry=registry)


def changed(**tables: Any) -> dict[str, Any]:
    recipe = copy.deepcopy(RECIPE)
    for key, value in tables.items():
        *path, last = key.split("__")
        place = recipe
        for part in path:
            place = place[part]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return recipe


def rows(run: Any) -> dict[str, Any]:
    return {row["name"]: row for row in run.summary["conversion"]["rows"]}


def outcome(run: Any) -> Any:
    """Return all that a run has found, without times."""
    epochs = [(e.stage, e.epoch, e.loss, e.val_accuracy) for e in run.metrics]
    found = {
        key: run.summary[key] for key in ("accuracy", "conversion", "spikes_per_sample", "latency_steps")
    }
    traces = json.loads((run.directory / "conversion.json").read_text("utf-8"))
    return epochs, found, traces, {k: v.tolist() for k, v in run.model().state_dict().items()}


def test_rows_of_all_networks(done: Any) -> None:
    assert done.summary["stages"] == [
        "train",
        "convert",
        "convert.train",
        "convert.compare",
        "measure",
        "report",
    ]
    found = rows(done)
    assert [*found] == [
        "ANN",
        "ANN, tuned alike",
        "sc_ttfs (slots = 4)",
        "sc_ttfs (slots = 4), tuned",
        "ttfs",
        "sc_ttfs (thresholds = paper)",
    ]
    assert [name for name, row in found.items() if row["chosen"]] == ["sc_ttfs (slots = 4), tuned"]
    ann = found["ANN"]
    assert ann["difference"] == ann["low"] == ann["high"] == ann["spikes"] == ann["latency"] == 0
    for row in found.values():
        assert row["difference"] == pytest.approx(row["accuracy"] - ann["accuracy"])
        assert row["low"] <= row["difference"] <= row["high"]
        assert 0 < row["noise"]["0.2"] < 1
        assert row["energy"][0]["value"] > 0


def test_latency_is_the_sum_of_windows_and_a_pipeline_takes_one(done: Any) -> None:
    found = {name: (row["latency"], row["interval"]) for name, row in rows(done).items()}
    assert found["sc_ttfs (slots = 4)"] == (8, 4)
    assert found["sc_ttfs (thresholds = paper)"] == (12, 6)
    assert found["ttfs"] == (16, 8)
    assert done.summary["latency_steps"] == 8


def test_one_spike_is_at_most_half_of_two(done: Any) -> None:
    found = rows(done)
    sites = sum(layer.size for layer in done.activity.neurons.values())
    assert 0 < found["ttfs"]["spikes"] <= sites
    assert found["ttfs"]["spikes"] < found["sc_ttfs (slots = 4)"]["spikes"] <= 2 * sites
    assert found["ANN"]["macs"] > found["ttfs"]["macs"] > 0  # of the first layer, whose input is analog
    assert found["ttfs"]["operations"] > 0


def test_the_result_of_the_run_is_the_tuned_network(done: Any) -> None:
    chosen = rows(done)["sc_ttfs (slots = 4), tuned"]
    assert done.summary["accuracy"]["test"] == pytest.approx(chosen["accuracy"])
    assert done.summary["spikes_per_sample"] == chosen["spikes"]
    assert done.summary["epochs"] == 2


def test_the_ann_is_that_of_a_run_without_conversion(done: Any, registry: Registry, tmp_path: Path) -> None:
    alone = snnplug.run(ANN, out=tmp_path / "ann", registry=registry)
    assert alone.summary["accuracy"]["test"] == pytest.approx(rows(done)["ANN"]["accuracy"])
    before, after = alone.model().state_dict(), done.model().state_dict()
    assert {key.rpartition(".")[2] for key in after.keys() - before.keys()} == {
        "encoding",
        "calibration",
        "correction",
    }
    for key, value in before.items():
        held = "running" in key or "num_batches" in key or value.ndim > 1
        assert torch.equal(value, after[key]) or not held, key
    norms = [key for key in before if key.replace("weight", "running_mean") in before]
    assert any(not torch.equal(before[key], after[key]) for key in norms)


def test_control_is_tuned_and_recorded_like_the_converted_network(done: Any) -> None:
    stages = [(epoch.stage, epoch.epoch) for epoch in done.metrics]
    expected = [(stage, n) for stage in ("train", "convert.train", "convert.control") for n in (1, 2)]
    assert stages == expected


def test_loaded_again_it_predicts_the_same(done: Any, registry: Registry) -> None:
    from sklearn.datasets import load_digits

    images = torch.tensor(load_digits().images[:32] / 16, dtype=torch.float32).unsqueeze(1)
    there = snnplug.load(done.directory, registry=registry)
    assert torch.equal(done.predict(images).labels, there.predict(images).labels)
    assert torch.equal(done.predict(images).spikes, there.predict(images).spikes)


def test_calibration_is_what_brings_it_near_to_the_ann(done: Any, registry: Registry, tmp_path: Path) -> None:
    recipe = changed(convert__train=None, convert__compare={"samples": 0})
    calibrated = snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    assert [*rows(calibrated)] == ["ANN", "sc_ttfs (slots = 4)"]
    untuned = rows(done)["sc_ttfs (slots = 4)"]
    assert calibrated.summary["conversion"]["rows"][1] == {**untuned, "chosen": True, "noise": {}}
    before = Registry.from_installed(quiet=True).neurons.sc_ttfs(slots=4).state_dict()["encoding"]
    found = [value for key, value in calibrated.model().state_dict().items() if key.endswith("encoding")]
    assert found
    assert not any(torch.equal(before, value) for value in found)


def test_a_neuron_that_runs_step_by_step_gets_a_row_for_each_number_of_steps(
    registry: Registry, tmp_path: Path
) -> None:
    compare = {"neurons": [{"use": "if", "reset": "soft"}], "steps": [2, 4], "samples": 0}
    recipe = changed(convert__train=None, convert__compare=compare, convert__samples=64)
    found = rows(snnplug.run(recipe, out=tmp_path / "run", registry=registry))
    latencies = {name: (row["latency"], row["interval"]) for name, row in found.items() if "T = " in name}
    assert sorted(latencies.values()) == [(2, 2), (4, 4)]


def test_neurons_behind_average_pools_stay_where_the_graph_is_converted(
    registry: Registry, tmp_path: Path
) -> None:
    architecture = {"use": "vgg", "layers": [4, "M", 4, "M"], "pooling": "avg_neuron"}
    compare = {"neurons": ["phase"], "steps": [8], "samples": 32}
    recipe = changed(
        architecture=architecture, convert__train=None, convert__compare=compare, convert__samples=32
    )
    done = snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    assert rows(done)["phase (T = 8)"]["latency"] == 8
    traces = json.loads((tmp_path / "run" / "conversion.json").read_text("utf-8"))["traces"]
    names = {key: [layer["name"] for layer in trace["layers"]] for key, trace in traces.items()}
    assert names["phase (T = 8)"] == names["sc_ttfs (slots = 4)"]
    assert len(names["phase (T = 8)"]) == 4


@contextmanager
def broken(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: Callable[..., bool]
) -> Iterator[None]:
    """Let a call of a function stop the run."""
    original = getattr(owner, name)

    def stops(*args: Any, **kwargs: Any) -> Any:
        if when(*args):
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, stops)
        yield


def in_epoch(stage: str) -> tuple[Any, str, Callable[..., bool]]:
    return training._Trainer, "_epoch", lambda self, epoch, *_: (self.stage, epoch) == (stage, 1)


STOPS: dict[str, tuple[Any, str, Callable[..., bool]]] = {
    "calibrating": (conversion, "calibrated", lambda *_: True),
    "tuning": in_epoch("convert.train"),
    "control": in_epoch("convert.control"),
    "comparing": (Judge, "add", lambda self, case: case.name == "ttfs"),
}


@pytest.mark.parametrize("where", STOPS)
def test_stopped_and_resumed_equals_unbroken(
    done: Any, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    with broken(monkeypatch, *STOPS[where]), pytest.raises(KeyboardInterrupt):
        snnplug.run(RECIPE, out=tmp_path / "run", registry=registry)
    assert outcome(snnplug.resume(tmp_path / "run", registry=registry)) == outcome(done)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"neuron": {"use": "plif"}}, r"convert: \[neuron\] use = 'plif' spikes already"),
        ({"train": None}, r"convert: there is no trained network to convert; add \[train\]"),
        ({"encoder__steps": 4}, "encoder.steps: an ANN has no time, so .convert. needs 1, got 4"),
        ({"convert__neuron": {"use": "relu"}}, "convert.neuron: relu sends no spikes"),
        ({"convert__neuron": {"use": "sc_tfs"}}, "convert.neuron.*sc_tfs.*sc_ttfs"),
        ({"convert__neuron__slots": 0}, "convert.neuron.slots must be at least 1"),
        ({"convert__train__parameters": ["all"]}, "convert.train.parameters"),
        ({"convert__train__parameters": []}, "convert.train.parameters"),
        ({"convert__compare__neurons": ["relu"]}, "convert.compare.neurons.0.*sends no spikes"),
        ({"convert__compare__steps": [0]}, "convert.compare.steps"),
        ({"convert__samples": -1}, "convert.samples: must be >= 0"),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_what_cannot_be_converted_is_refused_before_the_start(
    registry: Registry, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        snnplug.run(changed(**change), out=tmp_path / "run", registry=registry)
    assert not (tmp_path / "run").exists()


def test_tuning_without_a_conversion_is_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="convert"):
        snnplug.run({**ANN, "convert": {"train": {}}}, out=tmp_path / "run", registry=registry)


def test_the_ann_of_another_run_is_taken_as_it_is(done: Any, registry: Registry, tmp_path: Path) -> None:
    recipe = changed(
        train={"from": str(done.directory)}, convert__train=None, convert__compare={"samples": 0}
    )
    taken = snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    untuned = rows(done)["sc_ttfs (slots = 4)"]
    assert rows(taken)["sc_ttfs (slots = 4)"] == {**untuned, "chosen": True, "noise": {}}
    assert taken.summary["train"]["from"] == str(done.directory)
    assert not taken.metrics
    again = snnplug.resume(tmp_path / "run", registry=registry)
    assert again.summary["conversion"] == taken.summary["conversion"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architecture__layers": [8, "M"]}, r"train.from: .* architecture.layers is .* there and .* here"),
        ({"dataset": {"use": "digits", "split_seed": 1}}, "train.from: .* dataset.split_seed"),
        ({"train__from": "nowhere"}, "train.from: .*nowhere"),
    ],
)
def test_the_ann_of_another_recipe_is_refused(
    done: Any, registry: Registry, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    base = {"train": {"from": str(done.directory)}, "convert__train": None}
    with pytest.raises(UsageError, match=said):
        snnplug.run(changed(**{**base, **change}), out=tmp_path / "run", registry=registry)
    assert not (tmp_path / "run").exists()


def test_the_callers_generator_decides_nothing(registry: Registry, tmp_path: Path) -> None:
    small = {"neurons": [], "samples": 32, "noise": []}
    recipe = changed(dataset={"use": "digits", "augment": True}, convert__train=None, convert__compare=small)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(outcome(snnplug.run(recipe, out=tmp_path / str(seed), registry=registry)))
    assert found[0] == found[1]


def test_test_accuracy_stands_beside_the_curves_of_the_network_that_has_it(done: Any) -> None:
    from snnplug.report.sections.train import _curves

    tested = {curves.title: curves.test for curves in _curves(done.records) if curves.test is not None}
    assert tested == {"the converted network": done.summary["accuracy"]["test"]}


def test_a_neuron_with_a_parameter_for_each_place_is_calibrated_by_whole_samples(
    registry: Registry, tmp_path: Path
) -> None:
    neuron = {"use": "snn_calibration", "mode": "advanced", "steps": 4}
    recipe = changed(convert={"neuron": neuron, "steps": 4, "samples": 20})
    run = snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    shapes = [w.shape for name, w in run.model().state_dict().items() if name.endswith("correction")]
    assert shapes == [(8, 8, 8), (8, 4, 4)]


def test_the_winner_of_a_search_is_converted(registry: Registry, tmp_path: Path) -> None:
    search = {
        "space": {"use": "autosnn", "channels": 4},
        "strategy": {"use": "snnplug-strategies:random", "draws": 2},
        "scorer": {"use": "synflow"},
    }
    recipe = changed(architecture=None, convert__compare=None, train__epochs=1, convert__train__epochs=1)
    run = snnplug.run({**recipe, "search": search}, out=tmp_path / "run", registry=registry)
    assert run.summary["stages"][:3] == ["search", "train", "convert"]
    assert {type(m).__name__ for m in run.model().modules()} >= {"SCTTFS"}
    again = snnplug.load(tmp_path / "run", registry=registry)
    images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.predict(images).labels, run.predict(images).labels)
