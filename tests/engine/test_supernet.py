"""A supernet in a run: trained by single paths, inherited from, resumed, shared by workers and by runs."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import inheriting
import pytest
import torch

import snnplug
from snnplug import DatasetSpec, Registry, Splits, Task
from snnplug.engine.evaluate import evaluate
from snnplug.engine.parts import make_parts
from snnplug.engine.scoring.evaluator import Evaluator
from snnplug.engine.scoring.scorers import Scorers
from snnplug.engine.supernet import Paths, Shared, build_supernet, shared_network
from snnplug.errors import ContractError, RecipeError, RunDirectoryError, UsageError
from snnplug.nn import ImageSplit
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe
from snnplug.runs.directory import RunDirectory
from snnplug.testing.candidates import TinySupernet

CHECKPOINT = "checkpoint-search.supernet.pt"


@pytest.fixture
def registry() -> Registry:
    return inheriting.registry()


@pytest.fixture
def recipe() -> dict[str, Any]:
    return copy.deepcopy(inheriting.RECIPE)


def parts_of(recipe: dict[str, Any], registry: Registry) -> Any:
    return make_parts(make_plan(Recipe.from_dict(recipe), registry), torch.device("cpu"))


def outcome(directory: Path) -> Any:
    """Return all that a run has found, without times."""
    run = snnplug.load(directory, registry=inheriting.registry())
    trials = [(t.key, t.score, dict(t.parts or {})) for t in run.trials]
    epochs = [(e.stage, e.epoch, e.loss, e.val_accuracy, dict(e.facts)) for e in run.metrics]
    found = {key: run.summary[key] for key in ("supernet", "accuracy", "spikes_per_sample", "energy")}
    return trials, epochs, found


def test_it_is_trained_searched_and_reported(recipe: Any, registry: Registry, tmp_path: Path) -> None:
    done = snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    assert done.summary["stages"] == ["search.supernet", "search", "train", "measure", "report"]
    stages = [(epoch.stage, epoch.epoch) for epoch in done.metrics]
    assert stages == [("search.supernet", n) for n in (1, 2, 3)] + [("train", n) for n in (1, 2)]
    record = done.summary["supernet"]
    assert record["paths"] == 3
    assert record["epochs"] == 3
    assert 0 < record["facts"]["spikes"] == record["facts"]["spikes_and_pools"]
    assert done.metrics[2].facts == record["facts"]
    assert record["accuracy"] == done.metrics[2].val_accuracy
    for trial in done.trials:
        assert trial.parts is not None
        expected = trial.parts["accuracy"] - 0.01 * trial.parts["spikes"] / record["facts"]["spikes"]
        assert trial.score == pytest.approx(expected)
    assert "One network for all that can be found" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_candidates_get_the_weights_of_their_paths(recipe: Any, registry: Registry, tmp_path: Path) -> None:
    done = snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    parts = parts_of(recipe, registry)
    supernet: Any = Shared(tmp_path / "run", CHECKPOINT).load(parts)
    fresh: Any = build_supernet(parts)
    best = max(done.trials, key=lambda trial: trial.score or 0)
    for trial in done.trials:
        alone = shared_network(parts, supernet, trial.genotype, trial.key)
        supernet.select(trial.genotype)
        x = parts.encode(torch.rand(8, 1, 4, 4), "test")
        assert torch.equal(alone(x), supernet(x))
        score = evaluate(parts, alone, parts.splits.val, "val", 10)
        assert score is not None
        assert trial.parts is not None
        assert score.accuracy == pytest.approx(trial.parts["accuracy"])
    untrained = shared_network(parts, fresh, best.genotype, best.key)
    trained = shared_network(parts, supernet, best.genotype, best.key)
    assert any(
        not torch.equal(a, b) for a, b in zip(untrained.parameters(), trained.parameters(), strict=True)
    )


def test_a_copy_is_inherited(recipe: Any, registry: Registry) -> None:
    parts = parts_of(recipe, registry)
    supernet: Any = build_supernet(parts)
    genotype = {"layers": ["conv3", "conv1"]}
    before = {name: value.clone() for name, value in supernet.state_dict().items()}
    network = shared_network(parts, supernet, genotype, "key")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert all(torch.equal(before[name], value) for name, value in supernet.state_dict().items())


def test_paths_follow_from_seed_epoch_and_batch(recipe: Any, registry: Registry) -> None:
    def drawn(seed: int) -> list[list[str]]:
        parts = parts_of({**recipe, "seed": seed}, registry)
        model: Any = build_supernet(parts)
        paths, found = Paths(parts, model, 3), []
        for epoch in range(2):
            for index in range(12):
                torch.rand(1)  # of no matter
                paths.before_batch(epoch, index)
                found.append(list(model.path))
        return found

    assert drawn(3) == drawn(3) != drawn(4)
    assert drawn(3)[:12] != drawn(3)[12:]
    assert len({tuple(path) for path in drawn(3)}) > 4


def test_it_is_judged_by_the_same_paths(recipe: Any, registry: Registry) -> None:
    parts = parts_of(recipe, registry)
    model: Any = build_supernet(parts)
    paths = Paths(parts, model, 5)
    assert len({parts.space.key(genotype) for genotype in paths.sample}) == 5
    assert paths.sample == Paths(parts, model, 5).sample
    score = paths.validate(parts, model, 10)
    accuracies = []
    for genotype in paths.sample:
        model.select(genotype)
        one = evaluate(parts, model, parts.splits.val, "val", 10)
        assert one is not None
        accuracies.append(one.accuracy)
    assert score is not None
    assert score.accuracy == pytest.approx(sum(accuracies) / 5)


def test_more_paths_than_networks_are_all_there_are(recipe: Any, registry: Registry) -> None:
    parts = parts_of(recipe, registry)
    assert len(Paths(parts, build_supernet(parts), 100).sample) == 7


class Stop:
    """Stops a run as a user does, at the n-th call of a method."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, method: str, at: int) -> None:
        original, calls = getattr(owner, method), []

        def stopping(*args: Any, **kwargs: Any) -> Any:
            calls.append(1)
            if len(calls) == at:
                signal.raise_signal(signal.SIGINT)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, method, stopping)


@pytest.mark.parametrize(
    ("where", "at"),
    [
        ("supernet", 7),
        ("search", 3),
        ("train", 13 + 6),
    ],  # batches: 4 an epoch, 3 epochs, then those of [train]
)
def test_stopped_in_any_stage_and_resumed_it_comes_to_the_same(
    where: str, at: int, recipe: Any, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snnplug.run(recipe, out=tmp_path / "whole", registry=registry)
    with monkeypatch.context() as patch:
        if where == "search":
            Stop(patch, inheriting.Inherited, "__call__", at)
        else:
            Stop(patch, torch.optim.Adam, "step", at)
        with pytest.raises(KeyboardInterrupt):
            snnplug.run(recipe, out=tmp_path / "stopped", registry=inheriting.registry())
    assert not (tmp_path / "stopped" / "summary.json").exists()
    assert (tmp_path / "stopped" / "trials.journal").exists() == (where != "supernet")
    snnplug.resume(tmp_path / "stopped", registry=registry)
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")


def test_number_of_workers_does_not_matter(recipe: Any, registry: Registry, tmp_path: Path) -> None:
    del recipe["train"]
    snnplug.run(recipe, out=tmp_path / "one", registry=registry)
    recipe["search"]["workers"] = 2
    snnplug.run(recipe, out=tmp_path / "two", registry=registry)
    assert [t[:3] for t in outcome_trials(tmp_path / "two")] == [
        t[:3] for t in outcome_trials(tmp_path / "one")
    ]


def outcome_trials(directory: Path) -> list[Any]:
    run = snnplug.load(directory, registry=inheriting.registry())
    return [(t.key, t.score, dict(t.parts or {})) for t in run.trials]


def test_another_run_takes_the_supernet(recipe: Any, registry: Registry, tmp_path: Path) -> None:
    snnplug.run(recipe, out=tmp_path / "first", registry=registry)
    recipe["search"]["supernet"]["from"] = str(tmp_path / "first")
    again = snnplug.run(recipe, out=tmp_path / "second", registry=registry)
    assert outcome(tmp_path / "second")[0] == outcome(tmp_path / "first")[0]
    assert {epoch.stage for epoch in again.metrics} == {"train"}
    record = again.summary["supernet"]
    assert record["from"] == str(tmp_path / "first")
    content = (tmp_path / "first" / CHECKPOINT).read_bytes()
    assert (tmp_path / "second" / CHECKPOINT).read_bytes() == content
    assert record["sha256"] == hashlib.sha256(content).hexdigest()
    resolved = json.loads((tmp_path / "second" / "resolved.json").read_text())
    assert resolved["recipe"]["search"]["supernet"]["from"] == str(tmp_path / "first")


@pytest.mark.parametrize("then", ["gone", "trained again"])
def test_a_supernet_that_was_taken_stays_whatever_becomes_of_the_other_run(
    then: str, recipe: Any, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del recipe["train"]
    snnplug.run(recipe, out=tmp_path / "first", registry=registry)
    other = copy.deepcopy(recipe)
    other["search"]["supernet"]["from"] = str(tmp_path / "first")
    whole = snnplug.run(other, out=tmp_path / "whole", registry=registry).summary
    with monkeypatch.context() as patch:
        Stop(patch, inheriting.Inherited, "__call__", 3)
        with pytest.raises(KeyboardInterrupt):
            snnplug.run(other, out=tmp_path / "second", registry=registry)
    shutil.rmtree(tmp_path / "first")
    if then == "trained again":
        snnplug.run({**recipe, "seed": 9}, out=tmp_path / "first", registry=registry)
    done = snnplug.resume(tmp_path / "second", registry=registry).summary
    assert done["search"]["score"] == whole["search"]["score"]
    assert done["supernet"] == whole["supernet"]
    snnplug.resume(tmp_path / "second", registry=registry)  # a finished run, too
    (tmp_path / "second" / CHECKPOINT).write_bytes(b"no checkpoint")
    with pytest.raises(RunDirectoryError, match=r"second.checkpoint-search\.supernet\.pt is damaged"):
        snnplug.resume(tmp_path / "second", registry=registry)


def test_the_weights_stay_in_the_file_which_is_mapped(
    recipe: Any, registry: Registry, tmp_path: Path
) -> None:
    if not Path("/proc/self/maps").exists():
        pytest.skip("needs /proc")
    del recipe["train"]
    snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    file = tmp_path / "run" / CHECKPOINT
    parts = parts_of(recipe, registry)
    supernet = Shared(tmp_path / "run", CHECKPOINT).load(parts)
    mapped = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith(str(file)):
            low, high = line.split()[0].split("-")
            mapped.append(range(int(low, 16), int(high, 16)))
    for tensor in supernet.state_dict().values():
        assert any(tensor.data_ptr() in place for place in mapped)
    content, before = file.read_bytes(), {k: v.clone() for k, v in supernet.state_dict().items()}
    os.replace(shutil.copy(file, tmp_path / "new"), file)  # as a run that goes on does
    next(supernet.parameters()).data.zero_()
    assert file.read_bytes() == content
    again = Shared(tmp_path / "run", CHECKPOINT).load(parts).state_dict()
    assert all(torch.equal(before[name], value) for name, value in again.items())


def test_a_checkpoint_that_is_replaced_while_it_is_loaded_is_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = RunDirectory(tmp_path)
    directory.save_checkpoint({"model": torch.full((3,), 1.0)}, CHECKPOINT)
    load, loaded = torch.load, []

    def replacing(*args: Any, **kwargs: Any) -> Any:
        state = load(*args, **kwargs)
        loaded.append(float(state["model"][0]))
        if len(loaded) == 1:
            directory.save_checkpoint({"model": torch.full((3,), 2.0)}, CHECKPOINT)
        return state

    monkeypatch.setattr(torch, "load", replacing)
    state = directory.load_checkpoint(CHECKPOINT, mapped=True)
    assert loaded == [1.0, 2.0]
    assert state is not None
    assert state["model"].tolist() == [2.0, 2.0, 2.0]


def test_the_training_may_start_with_inherited_weights(
    recipe: Any, registry: Registry, tmp_path: Path
) -> None:
    recipe["train"] = {
        "epochs": 1,
        "batch_size": 8,
        "optimizer": {"use": "sgd", "lr": 1e-12},
        "start": "inherit",
    }
    done = snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    supernet: Any = Shared(tmp_path / "run", CHECKPOINT).load(parts_of(recipe, registry))
    inherited = supernet.weights(done.summary["search"]["best"])
    trained = done.model().state_dict()
    for name, value in inherited.items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(trained[name], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda r: r["search"].pop("supernet"),
            RecipeError,
            r"search.scorer: inherited .* add \[search.supernet\]",
        ),
        (lambda r: r["search"].update(space={"use": "toy"}), ContractError, "ToySpace has no supernet"),
        (lambda r: r["search"]["supernet"].update(paths=0), RecipeError, "search.supernet.paths"),
        (
            lambda r: r["search"]["supernet"].update({"from": "nowhere"}),
            RunDirectoryError,
            "no run directory nowhere",
        ),
        (
            lambda r: r["search"]["supernet"].update(optimizer={"use": "adamm"}),
            RecipeError,
            "search.supernet.optimizer.use: unknown optimizer",
        ),
        (lambda r: r["search"]["supernet"].update(epoch=1), RecipeError, "epoch"),
    ],
)
def test_what_cannot_be_is_refused_before_the_start(
    change: Any, error: type[UsageError], message: str, recipe: Any, registry: Registry, tmp_path: Path
) -> None:
    change(recipe)
    with pytest.raises(error, match=message):
        snnplug.run(recipe, out=tmp_path / "run", registry=registry)
    assert not (tmp_path / "run").exists()


def test_nothing_to_inherit_is_refused(recipe: Any, registry: Registry, tmp_path: Path) -> None:
    recipe["search"]["scorer"] = {"use": "toy"}
    del recipe["search"]["supernet"]
    recipe["train"]["start"] = "inherit"
    with pytest.raises(RecipeError, match=r"train.start: there is nothing to inherit"):
        snnplug.run(recipe, out=tmp_path / "run", registry=registry)


def test_a_supernet_of_another_space_is_refused(recipe: Any, registry: Registry, tmp_path: Path) -> None:
    snnplug.run(recipe, out=tmp_path / "first", registry=registry)
    recipe["search"]["supernet"]["from"] = str(tmp_path / "first")
    recipe["search"]["space"]["channels"] = 3
    with pytest.raises(ContractError, match="is not that of this search space"):
        snnplug.run(recipe, out=tmp_path / "second", registry=registry)
    assert not (tmp_path / "second").exists()


def test_neurons_shaped_by_the_input_get_their_shape_on_some_path(recipe: Any, registry: Registry) -> None:
    from snnplug import NeuronSpec
    from snnplug.testing.candidates import TinyStart

    registry.register(NeuronSpec(name="start", target=TinyStart, summary="Learnable start."))
    parts = parts_of({**recipe, "neuron": {"use": "start"}}, registry)
    supernet = build_supernet(parts)
    assert isinstance(supernet, TinySupernet)
    assert not any(torch.nn.parameter.is_lazy(p) for p in supernet.parameters())


TWO = """
import sys
sys.path.insert(0, {here!r})
import inheriting, snnplug

if __name__ == "__main__":
    snnplug.run(inheriting.RECIPE, out={out!r}, registry=inheriting.registry(), device="cpu", devices=2)
"""


@pytest.mark.slow
def test_two_devices_train_the_same_paths(tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    out = tmp_path / "run"
    script.write_text(TWO.format(here=str(Path(__file__).parent), out=str(out)))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    trials, epochs, found = outcome(out)
    assert len(epochs) == 5
    assert found["supernet"]["facts"]["spikes"] > 0
    assert all(score is not None for _, score, _ in trials)


def test_the_first_held_out_samples_stand_for_all_of_a_split_that_is_sorted_by_class(
    recipe: Any, registry: Registry
) -> None:
    def in_folders(*, samples: int = 200) -> Splits:
        labels = torch.arange(samples) * 2 // samples
        images = labels.view(-1, 1, 1, 1).expand(-1, 1, 4, 4).float()
        part = ImageSplit(images, labels)
        return Splits(task=Task(input_shape=(1, 4, 4), classes=2), train=part, val=part, test=part)

    registry.register(DatasetSpec(name="in_folders", target=in_folders, summary="One class after the other."))
    recipe["dataset"] = {"use": "in_folders"}
    parts = parts_of(recipe, registry)
    scoring = Evaluator(parts, Scorers(parts.plan["search.scorer"]))
    first, labels = scoring._held_out(0, 40)
    assert 0 < labels.sum() < 40
    assert torch.equal(first[0, :, 0, 0, 0] > 0, labels > 0)
    everything = torch.cat([scoring._held_out(i, 40)[1] for i in range(5)])
    assert everything.bincount().tolist() == [100, 100]
    assert torch.equal(labels, Evaluator(parts, Scorers(parts.plan["search.scorer"]))._held_out(0, 40)[1])
