"""New runs of old ones: other candidates, longer trainings, old weights with parts swapped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import snnplug
from snnplug.cli import main
from snnplug.engine.run import run_again
from snnplug.errors import RecipeError, UsageError
from snnplug.runs.candidates import find_candidate
from snnplug.runs.reading import Records

pytest.importorskip("snnplug_snasnet")
pytest.importorskip("snnplug_models")

QUICK = ["search.strategy.draws=8", "search.space.channels=4", "train.epochs=1", "measure.samples=32"]
QUICK += ["search.scorer.steps=2", "train.compare.random=0"]
QUICK += ["search.objectives.parameters=min"]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> snnplug.Run:
    return snnplug.run(out=tmp_path_factory.mktemp("old") / "run", overrides=QUICK, device="cpu")


def again(old: snnplug.Run, out: Path, *overrides: str, **options: object) -> snnplug.Run:
    (done,) = run_again(old.directory, out=out, overrides=overrides, device="cpu", **options)  # type: ignore[arg-type]
    return done


def test_same_network_again_is_trained_to_the_same_weights(old: snnplug.Run, tmp_path: Path) -> None:
    new = again(old, tmp_path / "new")
    before, now = old.model().state_dict(), new.model().state_dict()
    assert all(torch.equal(before[name], value) for name, value in now.items())
    assert new.result is not None and new.result.stages == ("train", "measure", "report")
    assert new.records.resolved.command == f"snnplug run --from {old.directory}"


def test_new_run_needs_the_old_one_no_more(old: snnplug.Run, tmp_path: Path) -> None:
    new = again(old, tmp_path / "new", candidate=2)
    assert str(old.directory) not in (new.directory / "recipe.toml").read_text()
    assert snnplug.replay(new.directory, out=tmp_path / "replayed").identical


def test_candidate_is_named_by_number_key_or_genotype(old: snnplug.Run) -> None:
    records = Records.read(old.directory)
    trial = old.trials[3]
    for name in (3, "3", trial.key, trial.key[:12], trial.genotype, json.dumps(trial.genotype)):
        assert find_candidate(records, name).key == trial.key
    assert records.summary is not None and records.summary.search is not None
    assert find_candidate(records).key == records.summary.search.key
    for name in ("99", "zzzz", "[1]", trial.key[:2]):
        with pytest.raises(UsageError, match="is no candidate of"):
            find_candidate(records, name)


def test_candidate_of_a_stopped_search_is_found(old: snnplug.Run, tmp_path: Path) -> None:
    for name in ("resolved.json", "trials.journal"):
        (tmp_path / name).write_bytes((old.directory / name).read_bytes())
    records = Records.read(tmp_path)
    assert find_candidate(records, 3).genotype == old.trials[3].genotype
    with pytest.raises(UsageError, match="not finished"):
        find_candidate(records)


def test_old_weights_with_another_neuron(old: snnplug.Run, tmp_path: Path) -> None:
    new = again(old, tmp_path / "new", "neuron.use=plif", weights=True)
    record = json.loads((new.directory / "summary.json").read_text())["train"]
    assert record["weights"] == str(old.directory)
    assert record["new"] and all(
        "neuron" in name or name.endswith("_raw") or "w" in name for name in record["new"]
    )
    assert "plif" in json.dumps(dict(new.records.resolved.recipe["neuron"]))


def test_weights_of_a_candidate_that_was_not_trained_are_refused(old: snnplug.Run, tmp_path: Path) -> None:
    assert old.result is not None and old.result.search is not None
    other = next(trial for trial in old.trials if trial.key != old.result.search.key)
    with pytest.raises(UsageError, match="no weights of"):
        again(old, tmp_path / "new", candidate=other.key, weights=True)
    assert not (tmp_path / "new").exists()


def test_pareto_makes_a_run_of_each_candidate_of_the_front(old: snnplug.Run, tmp_path: Path) -> None:
    assert old.result is not None and old.result.search is not None
    front = old.result.search.pareto
    result = CliRunner().invoke(
        main, ["run", "--from", str(old.directory), "--candidate", "pareto", "--out", str(tmp_path), "-q"]
    )
    assert result.exit_code == 0, result.output
    made = [Path(line) for line in result.stdout.split()]
    assert len(made) == len(front)
    recipes = [snnplug.load(path).records.resolved.recipe for path in made]
    assert [recipe["architecture"]["genotype"] for recipe in recipes] == [trial.genotype for trial in front]


@pytest.mark.parametrize("space", ["snasnet", "autosnn"])
def test_recipe_names_a_candidate_of_any_space(space: str, tmp_path: Path) -> None:
    pytest.importorskip(f"snnplug_{space}")
    search = {"space": {"use": space, "channels": 4}, "strategy": {"use": "random", "draws": 3}}
    search["scorer"] = {"use": "parameters"}
    old = snnplug.run({"search": search}, out=tmp_path / "old", device="cpu")
    architecture = {"use": "candidate", "run": str(old.directory), "key": "1"}
    train = {"epochs": 1, "batch_size": 128}
    new = snnplug.run({"architecture": architecture, "train": train}, out=tmp_path / "new", device="cpu")
    written = new.records.resolved.recipe["architecture"]
    assert written["genotype"] == old.trials[1].genotype
    assert written["space"]["use"] == f"snnplug-{space}:{space}"
    with pytest.raises(RecipeError, match=r"architecture\.run: 9 is no candidate"):
        snnplug.run({"architecture": {**architecture, "key": "9"}, "train": train})


def test_run_without_a_search_is_trained_longer(tmp_path: Path) -> None:
    recipe = {"architecture": {"use": "dense", "hidden": [8]}, "train": {"epochs": 1}}
    old = snnplug.run(recipe, out=tmp_path / "old", device="cpu")
    assert len(again(old, tmp_path / "new", "train.epochs=2").metrics) == 2
    with pytest.raises(UsageError, match="has not searched"):
        again(old, tmp_path / "other", candidate=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--candidate", "3"], "go with --from"),
        (["--weights"], "go with --from"),
        (["--from", "x", "default"], "give no RECIPE"),
        (["--from", "x", "--dashboard"], "--from makes none"),
        (["--from", "nowhere"], "nowhere"),
        (["--from", "x", "--resume", "x"], "--resume goes on with a run as it is"),
    ],
)
def test_wrong_combinations_are_one_message(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["run", *arguments])
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output
