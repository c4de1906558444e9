"""A stage of two files and one line elsewhere: it runs, resumes, is checked and is reported."""

from __future__ import annotations

import copy
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
import toys
from click.testing import CliRunner

import snnplug
from snnplug import Registry
from snnplug.cli import main
from snnplug.errors import RecipeError
from snnplug.recipe import stages
from snnplug.recipe.recipe import Recipe
from snnplug.recipe.stages import StageSpec

SPEC = StageSpec("prune", "toy_stage:Prune", "toy_section:Prune")
RECIPE = {**toys.RECIPE, "prune": {"rounds": 4, "judge": {"use": "toy", "scale": 2.0}}}

KILLED = """
import os, signal, sys
sys.path.insert(0, {here!r})
import test_stage, toys, toy_stage, snnplug
from snnplug.engine import evaluate
from snnplug.recipe import stages

test_stage.add(stages)
calls = []
original = toy_stage.prune

def killed_in_the_third_round(model, share):
    calls.append(share)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    original(model, share)

toy_stage.prune = killed_in_the_third_round
snnplug.run(test_stage.RECIPE, out={out!r}, registry=toys.toy_registry())
"""


def add(module: Any) -> None:
    """The one line."""
    place = 1 + [stage.name for stage in module.STAGES].index("train")
    module.STAGES = (*module.STAGES[:place], SPEC, *module.STAGES[place:])


@pytest.fixture(autouse=True)
def with_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "STAGES", stages.STAGES)
    add(stages)


def without_times(summary: dict[str, Any]) -> dict[str, Any]:
    summary = copy.deepcopy(summary)
    for part in (summary, summary["search"]):
        part.pop("seconds", None)
        part.pop("seconds_per_candidate", None)
    return summary


def test_it_runs_between_the_others(toy_registry: Registry, tmp_path: Path) -> None:
    done = snnplug.run(RECIPE, out=tmp_path / "run", registry=toy_registry)
    assert done.summary["stages"] == ["search", "train", "prune", "measure", "report"]
    assert done.summary["prune"]["judge"] == "local:toy"
    assert len(done.summary["prune"]["rounds"]) == 4
    parameters = done.summary["parameters"]
    assert done.summary["prune"]["zeros"] >= parameters // 2
    assert [epoch.stage for epoch in done.metrics] == ["train"] * 4 + ["prune"] * 4
    assert done.result is not None
    assert done.result.more["prune"] == done.summary["prune"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "4 rounds of pruning" in page
    assert "Weights gone" in page


def test_the_network_of_the_directory_is_the_pruned_one(toy_registry: Registry, tmp_path: Path) -> None:
    import toy_stage

    done = snnplug.run(RECIPE, out=tmp_path / "run", registry=toy_registry)
    again = snnplug.load(tmp_path / "run", registry=toy_registry)
    assert toy_stage.zeros(again.model()) == done.summary["prune"]["zeros"]


def test_its_component_is_resolved_and_recorded(toy_registry: Registry, tmp_path: Path) -> None:
    done = snnplug.run(RECIPE, out=tmp_path / "run", registry=toy_registry)
    uses = {use.key: use for use in done.records.resolved.components}
    assert uses["prune.judge"].parameters == {"scale": 2.0}
    assert done.records.resolved.recipe["prune"]["judge"] == {"use": "local:toy", "scale": 2.0}
    again = snnplug.run(done.recipe, out=tmp_path / "again", registry=toy_registry)
    assert without_times(again.summary) == without_times(done.summary)


def test_killed_and_resumed_it_comes_to_the_same(toy_registry: Registry, tmp_path: Path) -> None:
    whole = snnplug.run(RECIPE, out=tmp_path / "whole", registry=toy_registry)
    script = KILLED.format(here=str(Path(__file__).parent), out=str(tmp_path / "killed"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "killed" / "summary.json").exists()
    resumed = snnplug.resume(tmp_path / "killed", registry=toy_registry)
    assert without_times(resumed.summary) == without_times(whole.summary)
    assert [(e.stage, e.epoch, e.val_accuracy) for e in resumed.metrics] == [
        (e.stage, e.epoch, e.val_accuracy) for e in whole.metrics
    ]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"rounds": 0}, "prune.rounds: must be >= 1, got 0"),
        ({"round": 2}, "prune: unknown key 'round'. Did you mean 'rounds'?"),
        ({"judge": {"use": "ghost"}}, "prune.judge.use: unknown loss 'ghost'"),
        ({"judge": {"use": "toy", "scael": 1.0}}, "prune.judge.scael: unknown parameter"),
        ({}, "prune.judge: the key 'judge' is missing"),
        ({"judge": {"use": "toy"}, "share": 1.5}, "prune.share: must be between 0 and 1, got 1.5"),
    ],
)
def test_a_wrong_section_is_refused_by_check_and_run_alike(
    toy_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: Any, message: str
) -> None:
    import tomli_w

    monkeypatch.setattr(Registry, "from_installed", lambda *args, **more: toy_registry)
    section = {"judge": {"use": "toy"}, **section} if section and "judge" not in section else section
    recipe = {**toys.RECIPE, "prune": section}
    with pytest.raises(RecipeError) as caught:
        snnplug.run(recipe, out=tmp_path / "run", registry=toy_registry)
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()
    (tmp_path / "recipe.toml").write_text(tomli_w.dumps(recipe))
    result = CliRunner().invoke(main, ["check", str(tmp_path / "recipe.toml")])
    assert result.exit_code == 2
    assert result.stderr.strip() == f"snnplug: {caught.value}"


def test_without_its_table_it_does_not_run(toy_registry: Registry, tmp_path: Path) -> None:
    assert Recipe.from_dict(toys.RECIPE).stages == ("search", "train", "measure", "report")
    done = snnplug.run(toys.RECIPE, out=tmp_path / "run", registry=toy_registry)
    assert "prune" not in done.summary
    assert "Nothing was pruned." in (tmp_path / "run" / "report.html").read_text()


def test_a_dotted_stage_has_its_table_inside_another(
    toy_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    import attrs
    import toy_stage

    @attrs.frozen(kw_only=True)
    class Inner:
        depth: int = 1

    class Warm(toy_stage.Prune):
        name = "search.warm"
        sections: ClassVar = {"search.warm": Inner}
        gives = ""

    monkeypatch.setattr(toy_stage, "Warm", Warm, raising=False)
    spec = StageSpec("search.warm", "toy_stage:Warm", "toy_section:Prune")
    monkeypatch.setattr(stages, "STAGES", (spec, *stages.STAGES))
    data = {**toys.RECIPE, "search": {**toys.RECIPE["search"], "warm": {"depth": 3}}}
    recipe = Recipe.from_dict(data)
    assert recipe.stages[0] == "search.warm"
    assert recipe.sections["search.warm"].depth == 3
    assert recipe.to_dict()["search"]["warm"] == {"depth": 3}
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    with pytest.raises(RecipeError, match=r"search\.warm\.depth: 'a' is not a whole number"):
        Recipe.from_dict({**data, "search": {**data["search"], "warm": {"depth": "a"}}})
