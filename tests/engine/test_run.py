"""A recipe from start to end, with toy components."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from snnplug import replay, run
from snnplug.errors import (
    ContractError,
    DeviceError,
    NonFiniteLoss,
    ParameterError,
    RecipeError,
    RunDirectoryError,
    RunFailed,
)
from snnplug.recipe.recipe import Recipe
from snnplug.runs.directory import RunDirectory


def test_all_stages_leave_their_files(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    done = run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names >= {
        "recipe.toml",
        "resolved.json",
        "metrics.jsonl",
        "trials.journal",
        "trials.json",
        "checkpoint.pt",
        "activity.json",
        "summary.json",
        "report.html",
    }
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary == done.summary
    assert summary["stages"] == ["search", "train", "measure", "report"]
    assert summary["accuracy"]["test"] >= 0.7
    assert summary["latency_steps"] == 3
    assert summary["energy"][0]["value"] == summary["synaptic_operations"]
    assert summary["search"]["draws"] == 20
    assert summary["search"]["evaluated"] == summary["search"]["distinct"] <= 11
    assert done.model() is not None


def test_best_is_the_highest_score_and_is_what_is_trained(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    done = run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    trials = json.loads((tmp_path / "run" / "trials.json").read_text())
    best = max(trials, key=lambda trial: trial["score"])
    assert done.summary["search"]["best"] == best["genotype"]
    assert sum(trial["draws"] for trial in trials) == 20
    assert len({trial["key"] for trial in trials}) == len(trials)
    assert done.summary["parameters"] == best["values"]["local:toy_size"]


def test_checkpoint_loads_as_plain_weights(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    done = run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    for name, value in done.model().state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(state["model"][name], value)


def test_same_seed_same_result_and_other_seed_another(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    run(toy_recipe, out=tmp_path / "one", registry=toy_registry)
    torch.manual_seed(99)  # the state of the global generator must not count
    again = replay(tmp_path / "one", out=tmp_path / "two", registry=toy_registry)
    assert again.identical, again.differences
    other = run(toy_recipe | {"seed": 4}, out=tmp_path / "three", registry=toy_registry)
    assert other.summary["search"]["score"] != again.run.summary["search"]["score"]


def test_replay_says_what_differs(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    run(toy_recipe, out=tmp_path / "one", registry=toy_registry)
    directory = RunDirectory(tmp_path / "one")
    summary = directory.read_summary()
    summary["accuracy"]["test"] = 0.123
    directory.write_json("summary.json", summary)
    again = replay(tmp_path / "one", out=tmp_path / "two", registry=toy_registry)
    assert not again.identical
    assert again.differences[0].startswith("accuracy.test: 0.123 -> ")


def test_run_leaves_the_global_generator_alone(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    before = torch.random.get_rng_state()
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    assert torch.equal(before, torch.random.get_rng_state())
    assert not torch.are_deterministic_algorithms_enabled()


def test_architecture_without_search(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    del toy_recipe["search"]
    toy_recipe["architecture"] = {"use": "toy", "width": 5}
    done = run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    assert done.summary["stages"] == ["train", "measure", "report"]
    assert done.summary["parameters"] == 16 * 5 + 5 + 5 * 2 + 2


def test_search_without_training(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    del toy_recipe["train"]
    done = run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    assert done.summary["stages"] == ["search", "report"]
    with pytest.raises(RunDirectoryError, match="holds no trained network"):
        done.model()


def test_resolved_json_repeats_as_a_recipe(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry, overrides=["neuron.tau=3.5"])
    resolved = json.loads((tmp_path / "run" / "resolved.json").read_text())
    assert resolved["recipe"]["neuron"] == {"use": "local:toy", "tau": 3.5}
    assert Recipe.from_dict(resolved["recipe"]).train == Recipe.from_dict(toy_recipe).train
    neuron = next(c for c in resolved["components"] if c["kind"] == "neuron")
    assert neuron["parameters"] == {"tau": 3.5}
    again = run(tmp_path / "run" / "recipe.toml", out=tmp_path / "again", registry=toy_registry)
    assert (
        again.summary["accuracy"] == json.loads((tmp_path / "run" / "summary.json").read_text())["accuracy"]
    )


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
def test_schedules(schedule: str, toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    toy_recipe["train"] |= {"schedule": schedule, "warmup_epochs": 1, "clip_norm": 1.0}
    run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    rates = [json.loads(line)["lr"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    expected = {
        "constant": [0.01, 0.02, 0.02, 0.02],
        "cosine": [
            0.01,
            0.02,
            0.02 * (1 + math.cos(math.pi / 3)) / 2,
            0.02 * (1 + math.cos(math.pi * 2 / 3)) / 2,
        ],
        "step": [0.01, 0.02, 0.002, 0.0002],
    }
    assert rates == pytest.approx(expected[schedule])


def test_early_stop_and_best_weights(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    toy_recipe["train"] |= {"epochs": 60, "early_stop": 3, "keep": "best", "schedule": "constant"}
    done = run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    held_out = [record["val_accuracy"] for record in records]
    assert len(records) < 60
    assert len(records) - 1 - held_out.index(max(held_out)) == 3
    assert done.summary["accuracy"]["val"] == max(held_out)


def test_mixed_precision(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    toy_recipe["train"]["precision"] = "bf16-mixed"
    done = run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    assert done.summary["accuracy"]["test"] > 0.5


def test_nan_loss_names_the_key_and_keeps_the_epochs_before(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    toy_recipe["train"]["optimizer"] = {"use": "sgd", "lr": 1e38}
    with pytest.raises(NonFiniteLoss, match=r"train\.optimizer\.lr"):
        run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
    assert (tmp_path / "run" / "resolved.json").exists()


@pytest.mark.parametrize("fail", ["nan", "error"])
def test_search_in_which_nothing_scores(
    fail: str, toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    toy_recipe["search"]["scorer"] = {"use": "toy", "fail": fail}
    with pytest.raises(
        RunFailed, match="could not be scored" + (".*no score today" if fail == "error" else "")
    ):
        run(toy_recipe, out=tmp_path / "run", registry=toy_registry)


def test_bad_things_are_refused_before_anything_is_written(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    cases: list[tuple[type[Exception], str, list[str], str]] = [
        (RecipeError, r"neuron\.tua: unknown parameter\. Did you mean 'tau'", ["neuron.tua=2"], "auto"),
        (ParameterError, r"^neuron\.tau must be greater than 1", ["neuron.tau=0.5"], "auto"),
        (RecipeError, r"encoder\.steps: 'a' is not a whole number", ["encoder.steps=a"], "auto"),
        (ParameterError, r"^encoder\.steps must be at least 1", ["encoder.steps=0"], "auto"),
        (
            RecipeError,
            r"train\.optimizer\.use: unknown optimizer 'adamm'",
            ["train.optimizer.use=adamm"],
            "auto",
        ),
        (RecipeError, r"train\.optimizer\.lrr: adam has no such argument", ["train.optimizer.lrr=1"], "auto"),
        (RecipeError, r"unknown search_space 'toys'", ["search.space.use=toys"], "auto"),
        (RecipeError, r"energy\.models", ["energy.models=['nope']"], "auto"),
        (DeviceError, r"unknown device 'tpu'", [], "tpu"),
    ]
    if not torch.cuda.is_available():
        cases.append((DeviceError, r"no usable CUDA device", [], "cuda"))
    for error, message, overrides, device in cases:
        with pytest.raises(error, match=message):
            run(toy_recipe, out=tmp_path / "run", registry=toy_registry, overrides=overrides, device=device)
        assert not (tmp_path / "run").exists()


def test_existing_directory_is_refused(toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunDirectoryError, match="exists already"):
        run(toy_recipe, out=tmp_path, registry=toy_registry)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_network_of_the_wrong_shape_is_refused(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    from snnplug import ArchitectureSpec

    def wrong(task: Any, *, neuron: Any) -> Any:
        return torch.nn.Flatten(2)

    toy_registry.register(
        ArchitectureSpec(name="wrong", target=wrong, summary="Wrong.", components={"neuron": "neuron"})
    )
    del toy_recipe["search"]
    toy_recipe["architecture"] = {"use": "wrong"}
    with pytest.raises(ContractError, match=r"must return \[T, B, K\] = \[3, 2, 2\].*got \[3, 2, 16\]"):
        run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
