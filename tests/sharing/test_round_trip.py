"""A run that was shared is, once it is loaded, the same run: every kind of network, to the last bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from shared_recipes import RECIPES

import snnplug
from snnplug import Run
from snnplug.cli import main
from snnplug.errors import RecipeError, RunDirectoryError
from snnplug.nn import seeded

# what the client itself does while it sends a large file
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def images(run: Run, count: int = 6) -> torch.Tensor:
    task = run.records.resolved.task
    assert task is not None
    time = [task.steps or 5] if task.events else []
    with seeded(3):
        return torch.rand(count, *time, *task.input_shape)


def check_same(run: Run, loaded: Run) -> None:
    x = images(run)
    before, after = run.predict(x), loaded.predict(x)
    assert torch.equal(before.probabilities, after.probabilities)
    assert torch.equal(before.spikes, after.spikes)
    assert before.spikes.sum() > 0
    encoded = run.encode(x)
    assert torch.equal(encoded, loaded.encode(x))
    with torch.no_grad():
        assert torch.equal(run.model()(encoded), loaded.model()(encoded))
    theirs = loaded.model().state_dict()
    for name, value in run.model().state_dict().items():
        assert torch.equal(value, theirs[name]), name
    assert loaded.summary == run.summary
    assert loaded.result == run.result
    assert loaded.trials == run.trials
    assert loaded.rungs == run.rungs
    assert loaded.activity == run.activity


@pytest.mark.parametrize("name", RECIPES)
def test_every_kind_of_network(run_of: Callable[[str], Run], name: str, tmp_path: Path) -> None:
    run = run_of(name)
    folder = run.push("acme/net", folder=tmp_path / "shared", dry_run=True)
    loaded = snnplug.load(folder)
    assert loaded.is_shared and not run.is_shared
    check_same(snnplug.load(run.directory), loaded)


def test_by_way_of_a_hub(trained: Run, hub: Any) -> None:
    assert trained.push("acme/digits", message="the first") == f"{hub.url}/acme/digits"
    loaded = snnplug.load("hf://acme/digits")
    check_same(trained, loaded)
    assert repr(loaded).startswith("<Run hf://acme/digits: train, measure, report; test accuracy 0.")
    assert hub.messages == ["the first"]
    assert any(agent.startswith("snnplug/") for agent in hub.agents)


def test_a_branch_and_a_commit_are_loaded_by_their_names(
    run_of: Callable[[str], Run], trained: Run, hub: Any
) -> None:
    trained.push("acme/net")
    run_of("events").push("acme/net@other/branch")
    sha = hub.at("acme/net", "main")[0]
    check_same(trained, snnplug.load("hf://acme/net"))
    check_same(trained, snnplug.load(f"hf://acme/net@{sha}"))
    check_same(run_of("events"), snnplug.load("hf://acme/net@other/branch"))


def test_what_was_loaded_once_is_there_without_a_network(
    trained: Run, hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    trained.push("acme/digits")
    snnplug.load("hf://acme/digits")
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    check_same(trained, snnplug.load("hf://acme/digits"))


def test_a_stream_decides_alike(run_of: Callable[[str], Run], tmp_path: Path) -> None:
    run = run_of("events")
    loaded = snnplug.load(run.push("acme/net", folder=tmp_path / "shared", dry_run=True))
    one, other = run.stream(), loaded.stream()
    for frame in images(run, 1)[0]:
        mine, theirs = one.step(frame), other.step(frame)
        assert mine is not None and theirs is not None
        assert torch.equal(mine.probabilities, theirs.probabilities)


def command(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def test_lint_says_the_same_and_writes_nothing(trained: Run, folder: Path, hub: Any) -> None:
    pytest.importorskip("snnplug_chips")
    trained.push("acme/digits")
    before = {file: file.read_bytes() for file in folder.iterdir()}
    asked = ("--chip", "loihi2", "--json")  # which has no pools, so the exit code is 1
    of_run = json.loads(command("lint", trained.directory, *asked, code=1))
    assert json.loads(command("lint", folder, *asked, code=1)) == of_run
    assert json.loads(command("lint", "hf://acme/digits", *asked, code=1).partition("\n")[2]) == of_run
    assert {file: file.read_bytes() for file in folder.iterdir()} == before
    assert "report.html" not in command("lint", folder, "--chip", "loihi2", code=1)


def test_export_writes_where_it_is_told_and_nothing_into_it(
    trained: Run, folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("snnplug_exporters")
    before = {file: file.read_bytes() for file in folder.iterdir()}
    out = tmp_path / "weights.safetensors"
    command("export", folder, "--to", "safetensors", "-o", out)
    assert out.is_file() and {file: file.read_bytes() for file in folder.iterdir()} == before
    with pytest.raises(RecipeError, match=r"is a shared run, into which nothing is written: name the file"):
        snnplug.load(folder).export("safetensors")


def test_energy_says_the_same_and_writes_nothing(trained: Run, folder: Path) -> None:
    of_run = command("energy", trained.directory, "--models", "lemaire", "--json")
    assert command("energy", folder, "--models", "lemaire", "--json") == of_run
    assert not (folder / "energy.json").exists()


def test_it_is_compared_and_its_candidates_are_listed(
    run_of: Callable[[str], Run], hub: Any, tmp_path: Path
) -> None:
    run = run_of("searched")
    run.push("acme/cell")
    assert command("export-table", "hf://acme/cell", "trials").endswith(run.csv("trials"))
    rows = command("compare", run.directory, "hf://acme/cell", "--markdown").splitlines()
    mine, theirs = (line.split(" | ") for line in rows[-2:])
    assert mine[1:] == theirs[1:] and theirs[0] == "| recipe"
    told = command("export-table", "hf://acme/cell", "metrics", code=2)
    assert "its epochs are not among what is shared" in told


def test_its_epochs_are_not_there(folder: Path) -> None:
    loaded = snnplug.load(folder)
    for ask in (lambda: loaded.metrics, lambda: loaded.csv("metrics")):
        with pytest.raises(RunDirectoryError, match=r"its report\.html draws them"):
            ask()


def test_it_is_not_continued_and_a_run_goes_on_from_its_weights(folder: Path, tmp_path: Path) -> None:
    told = command("run", "--resume", folder, code=2)
    assert told.strip().splitlines()[-1].startswith(f"snnplug: {folder} is a shared run")
    assert f"snnplug run --from {folder} --weights" in told
    command("run", "--from", folder, "--weights", "--out", tmp_path / "on", "-q", "--device", "cpu")
    again = snnplug.load(tmp_path / "on")
    assert again.summary["train"]["taken"] == len(snnplug.load(folder).model().state_dict())
    assert again.summary["train"]["new"] == again.summary["train"]["unused"] == []


def test_it_is_repeated(folder: Path, tmp_path: Path) -> None:
    assert "\nidentical" in "\n" + command("replay", folder, "--out", tmp_path / "again", "--device", "cpu")


def test_its_recipe_runs(folder: Path, trained: Run, tmp_path: Path) -> None:
    again = snnplug.run(folder / "recipe.toml", out=tmp_path / "again", device="cpu")
    assert again.summary["accuracy"] == trained.summary["accuracy"]
    assert again.recipe == trained.recipe
