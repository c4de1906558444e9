"""`snnplug check` refuses exactly what `snnplug.run` refuses before its first stage, in the same words.

Recipes are the built-in ones changed at random, and random combinations of whatever is installed. Both
are asked by the ways that users go: the command line for one, `snnplug.run` for the other, its stages
replaced by a marker.
"""

from __future__ import annotations

import copy
import random
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("snnplug_snasnet", reason="the built-in recipes need the first plugins")

import tomli_w
from click.testing import CliRunner

import snnplug
from snnplug import Registry
from snnplug.cli import main
from snnplug.errors import UsageError
from snnplug.recipe import stages
from snnplug.recipe.built_in import built_in_recipes
from snnplug.recipe.read import recipe_text

RECIPES = {name: tomllib.loads(recipe_text(name)) for name in built_in_recipes()}
REGISTRY = Registry.from_installed(quiet=True)
NAMES = sorted({r.name for r in REGISTRY})
WORDS = ["", "x", "é", "1", "lif", "none", "auto", "a b", "use"]


class StageReachedError(Exception):
    """A run came to its first stage."""


@pytest.fixture(autouse=True)
def markers(monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(self: Any, session: Any, work: Any) -> None:
        raise StageReachedError

    for spec in stages.STAGES:
        monkeypatch.setattr(spec.load(), "run", reached)
    monkeypatch.setattr(Registry, "from_installed", lambda *args, **more: REGISTRY)


def value(rng: random.Random) -> Any:
    """Return something that a user might write, rightly or wrongly."""
    return rng.choice(
        [
            lambda: rng.random() < 0.5,
            lambda: rng.randint(-3, 12),
            lambda: rng.choice([0.0, -1.0, 0.5, 1e9, float("nan"), float("inf")]),
            lambda: rng.choice(WORDS),
            lambda: rng.choice(NAMES),
            lambda: [rng.randint(-2, 3) for _ in range(rng.randint(0, 3))],
            lambda: {rng.choice(WORDS): rng.randint(-2, 3)},
            lambda: {"use": rng.choice(NAMES)},
        ]
    )()


def paths(table: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything in nested tables and lists."""
    found = []
    entries = dict(enumerate(table)) if isinstance(table, list) else table
    for key, entry in entries.items() if isinstance(entries, dict) else ():
        found += [(*prefix, key), *paths(entry, (*prefix, key))]
    return found


def mutated(rng: random.Random) -> dict[str, Any]:
    """Return a built-in recipe with up to two places changed."""
    recipe = copy.deepcopy(RECIPES[rng.choice(list(RECIPES))])
    if rng.random() < 0.7:  # data that is there, so that more than its absence is met
        recipe["dataset"] = {"use": "digits"}
    for _ in range(rng.randint(0, 2)):
        path = rng.choice(paths(recipe))
        parent: Any = recipe
        for key in path[:-1]:
            parent = parent[key]
        change = rng.choice(["value", "value", "remove", "misspell", "add"])
        if change == "value" or not isinstance(parent, dict):
            parent[path[-1]] = value(rng)
        elif change == "remove":
            del parent[path[-1]]
        elif change == "misspell":
            parent[f"{path[-1]}{rng.choice('sx_ ')}"] = parent.pop(path[-1])
        else:
            parent[rng.choice(WORDS)] = value(rng)
        if not recipe:
            break
    return recipe


def combined(rng: random.Random) -> dict[str, Any]:
    """Return a recipe of components drawn from all that are installed, with their default parameters."""

    def one(kind: str) -> dict[str, Any]:
        return {"use": rng.choice(REGISTRY.list(kind)).qualified}

    recipe: dict[str, Any] = {
        "dataset": {"use": "digits"},
        "encoder": one("encoder"),
        "neuron": one("neuron"),
        "loss": one("loss"),
        "train": {"epochs": 1},
        "energy": {"models": [one("energy_model")]},
    }
    if rng.random() < 0.5:
        recipe["architecture"] = one("architecture")
        return recipe
    space = {**one("search_space"), "channels": 2, "backward": rng.random() < 0.5}
    recipe["search"] = {"space": space, "strategy": one("strategy"), "scorer": one("scorer")}
    return recipe


def checked(file: Path) -> str:
    """Return what `snnplug check` says, nothing if it finds no problem."""
    result = CliRunner().invoke(main, ["check", str(file), "--device", "cpu"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == (0 if "no problems" in result.stdout else 2), result.output
    return result.stderr.strip().removeprefix("snnplug: ")


def refused(file: Path) -> str:
    """Return why `snnplug.run` refuses to start, nothing if it comes to a stage."""
    out = file.with_suffix(".run")
    try:
        snnplug.run(file, out=out, device="cpu", registry=REGISTRY)
    except StageReachedError:
        return ""
    except UsageError as error:
        assert not out.exists(), "something was started"
        return str(error).strip()
    raise AssertionError("it ended without a stage")


def compare(count: int, folder: Path, seed: int = 0) -> Counter[bool]:
    seen: Counter[bool] = Counter()
    for number in range(count):
        rng = random.Random(f"{seed}:{number}")
        recipe = mutated(rng) if number % 3 else combined(rng)
        file = folder / f"recipe{number}.toml"
        file.write_text(tomli_w.dumps(recipe), encoding="utf-8")
        said = checked(file)
        assert said == refused(file), tomli_w.dumps(recipe)
        assert "Traceback" not in said
        seen[bool(said)] += 1
    return seen


def test_check_and_run_refuse_the_same(tmp_path: Path) -> None:
    seen = compare(90, tmp_path)
    assert min(seen[True], seen[False]) >= 10


@pytest.mark.slow
def test_check_and_run_refuse_the_same_in_thousands_of_recipes(tmp_path: Path) -> None:
    seen = compare(2400, tmp_path, seed=1)
    assert min(seen[True], seen[False]) >= 200


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["train.optimizer.use=adamm", "train.optimizer.lrr=2"], "train.optimizer.use: unknown optimizer"),
        (["neuron.use=psn", "search.space.channels=2"], "needs the whole window"),
        (["search.strategy.draws=0"], "search.strategy.draws"),
        (["search.scorer.batch_size=0"], "search.scorer.batch_size"),
        (["encoder.steps=0"], "encoder.steps must be at least 1"),
        (["search.objectives.short_training='max'"], "it is the scorer of the search already"),
    ],
)
def test_overrides_and_what_only_a_network_shows(changes: list[str], message: str, tmp_path: Path) -> None:
    options = [part for change in changes for part in ("-s", change)]
    result = CliRunner().invoke(main, ["check", "default", "--device", "cpu", *options])
    assert result.exit_code == 2
    assert message in result.stderr
    with pytest.raises(UsageError) as caught:
        snnplug.run("default", overrides=changes, out=tmp_path / "run", device="cpu")
    assert result.stderr.strip() == f"snnplug: {caught.value}"


def test_check_takes_devices_as_run_does() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    result = CliRunner().invoke(main, ["check", "default", "--device", "cuda", "--devices", "2"])
    assert result.exit_code == 2
    assert "asked for 2 CUDA device(s), this machine has no usable CUDA device" in result.stderr
