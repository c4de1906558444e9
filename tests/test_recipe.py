"""Recipes: reading, overrides, and errors that name the key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from snnplug.engine.train_section import TrainSection
from snnplug.errors import RecipeError
from snnplug.recipe.built_in import DEFAULT, built_in_recipes
from snnplug.recipe.overrides import apply_overrides
from snnplug.recipe.read import read_recipe, recipe_text
from snnplug.recipe.recipe import Recipe
from snnplug.recipe.tables import put


def problems(*overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        read_recipe(DEFAULT, overrides)
    return "\n".join(caught.value.problems)


def test_default_comes_first_and_runs_every_stage() -> None:
    assert next(iter(built_in_recipes())) == DEFAULT
    assert read_recipe(DEFAULT).stages == ("search", "train", "train.compare", "measure", "report")


@pytest.mark.parametrize("name", built_in_recipes())
def test_built_in_recipes_read_and_say_what_they_are(name: str) -> None:
    assert read_recipe(name).name == name
    assert len(built_in_recipes()[name]) > 20
    assert tomllib.loads(recipe_text(name))


def test_round_trip() -> None:
    recipe = read_recipe(DEFAULT, ["train.milestones=[0.25, 0.5]", "seed=7"])
    assert Recipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochs=0", "train.epochs: must be >= 1, got 0"),
        ("train.epochs=2.0", "train.epochs: 2.0 is not a whole number"),
        ("train.epochs=true", "train.epochs: True is not a whole number"),
        ("train.epochs=many", "train.epochs: 'many' is not a whole number"),
        ("train.final_lr=2", "train.final_lr: must be <= 1, got 2.0"),
        ("train.epoch=3", "train: unknown key 'epoch'. Did you mean 'epochs'?"),
        ("trian.epochs=3", "unknown key 'trian'. Did you mean 'train'?"),
        ("train.schedule=cos", "train.schedule: 'cos' is not one of 'constant', 'cosine', 'step'"),
        ("train.milestones=[1, 'a']", "train.milestones[1]: 'a' is not a number"),
        ("train=3", "train: a table of keys and values is expected"),
        ("neuron=3", 'neuron: 3 is not a table; write { use = "name" }'),
        ("energy.models=3", "energy.models: 3 is not a list"),
        ("energy.models=[3]", 'energy.models[0]: 3 is not a table; write { use = "name" }'),
        ("seed=-1", "seed: must be >= 0, got -1"),
        ("seed.deeper=1", "'seed' is a value, not a table"),
        ("seed", "is not of the form key=value"),
        ("=3", "is not of the form key=value"),
        ("architecture.use=x", "[architecture] and [search] exclude each other"),
    ],
)
def test_mistakes_name_the_key(override: str, message: str) -> None:
    assert message in problems(override)


def test_all_mistakes_are_listed_together() -> None:
    text = problems("train.epochs=0", "seed=x", "encoder=1")
    assert all(key in text for key in ("train.epochs", "seed", "encoder"))


def test_override_values_are_toml_or_text() -> None:
    data, replaced = apply_overrides(
        {"a": {"b": 1}},
        ["a.b=2.5", "a.c=true", "a.d=[1, 2]", "a.e=plain text", "a.f='3'", "x.use=y", "g={h=1}"],
    )
    assert data == {
        "a": {"b": 2.5, "c": True, "d": [1, 2], "e": "plain text", "f": "3"},
        "x": {"use": "y"},
        "g": {"h": 1},
    }
    assert list(replaced) == ["a.b", "a.c", "a.d", "a.e", "a.f", "x.use", "g"]
    assert replaced["a.b"] == 1 and replaced["g"] is None


def test_override_reaches_into_a_component_given_by_name() -> None:
    data, _ = apply_overrides({"neuron": {"use": "a", "base": "b"}}, ["neuron.base.tau=3"])
    assert data["neuron"]["base"] == {"use": "b", "tau": 3}


def test_overrides_leave_the_original_alone() -> None:
    original: dict[str, Any] = {"a": {"b": [1]}}
    changed, _ = apply_overrides(original, ["a.b=2"])
    assert original == {"a": {"b": [1]}}
    assert changed == {"a": {"b": 2}}


def test_missing_sections_come_from_the_default(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[neuron]\nuse = "other"\n[search]\n[train]\nepochs = 2\n')
    recipe, default = read_recipe(file), read_recipe(DEFAULT)
    assert (recipe.name, recipe.neuron) == ("mine", {"use": "other"})
    assert recipe.dataset == default.dataset
    assert recipe.search == default.search


def data_of(recipe: Recipe) -> dict[str, Any]:
    return {key: value for key, value in recipe.to_dict().items() if key != "name"}


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("", {}),
        ('[neuron]\nuse = "plif"\n', {"neuron": {"use": "plif"}}),
        ('neuron = "plif"\n', {"neuron": {"use": "plif"}}),
        ("[train]\nepochs = 3\n", {"train.epochs": 3}),
        ("[encoder]\nsteps = 2\n", {"encoder.steps": 2}),
        ('[train]\noptimizer = "sgd"\n', {"train.optimizer": {"use": "sgd"}}),
        ("[energy]\nmodels = []\n", {"energy.models": []}),
    ],
)
def test_smallest_recipes_are_the_default_with_what_they_say(
    tmp_path: Path, text: str, changed: dict[str, Any]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    expected = data_of(read_recipe(DEFAULT))
    for key, value in changed.items():
        put(expected, key, value)
    assert data_of(read_recipe(file)) == expected


def test_architecture_alone_is_trained_and_measured_as_the_default_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('architecture = "x"\n')
    recipe, default = read_recipe(file), read_recipe(DEFAULT)
    assert recipe.architecture == {"use": "x"}
    assert (recipe.search, recipe.train, recipe.energy) == (None, default.train, default.energy)
    assert recipe.stages == ("train", "measure", "report")


def test_recipe_that_says_what_to_do_does_no_more(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[search]\n")
    assert read_recipe(file).stages == ("search", "report")
    file.write_text("[search]\n[train]\nepochs = 2\n")
    assert read_recipe(file).train.batch_size == TrainSection().batch_size
    assert read_recipe(file).energy.models == []


def test_unreadable_files_are_one_message(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="Did you mean 'default'"):
        read_recipe("defualt")
    with pytest.raises(RecipeError, match="cannot read"):
        read_recipe(tmp_path)
    broken = tmp_path / "broken.toml"
    broken.write_text("[train\nepochs = 1")
    with pytest.raises(RecipeError, match=r"not valid TOML.*line 1"):
        read_recipe(broken)
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="cannot read"):
        read_recipe(broken)


def test_a_byte_order_mark_is_skipped_and_another_encoding_named(tmp_path: Path) -> None:
    text = '[train]\nepochs = 3\n[architecture]\nuse = "vgg"\n'
    for name, encoding in (("mark", "utf-8-sig"), ("plain", "utf-8")):
        (tmp_path / f"{name}.toml").write_bytes(text.replace("\n", "\r\n").encode(encoding))
        assert read_recipe(tmp_path / f"{name}.toml").train.epochs == 3
    assert not recipe_text(tmp_path / "mark.toml").startswith("\ufeff")
    (tmp_path / "wide.toml").write_text(text, encoding="utf-16")
    with pytest.raises(RecipeError, match="save it as UTF-8"):
        read_recipe(tmp_path / "wide.toml")


def test_a_table_without_a_name_changes_the_default_one() -> None:
    recipe = Recipe.from_dict({"encoder": {"steps": 9}, "search": {"strategy": {"draws": 3}}})
    assert recipe.encoder == {"use": "snnplug-encoders:direct", "steps": 9}
    assert recipe.search.strategy == {"use": "snnplug-strategies:random", "draws": 3}
    assert recipe.search.scorer["use"] == "snnplug-proxies:short_training"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"#" * 50_000_000, "is larger than 1 MiB: it is no recipe"),
        (b"x = " + b"9" * 5000, "is not valid TOML: Exceeds the limit"),
        (b"x = " + b"[" * 5000, "is not valid TOML"),
        (b"seed = 0x" + b"f" * 9000, "seed: this whole number does not fit into 64 bits"),
        (b"a." * 3000 + b"b = 1", "no more than 50 tables and lists inside each other"),
        (b"\xff\xfe", "is not in UTF-8"),
    ],
    ids=["large", "long number", "nested lists", "hexadecimal", "nested tables", "no text"],
)
def test_what_is_no_recipe_is_refused_at_once(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "file.toml"
    file.write_bytes(content)
    with pytest.raises(RecipeError, match=message) as caught:
        read_recipe(file)
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)


def test_an_override_may_be_as_deep_as_a_recipe_and_no_deeper() -> None:
    assert "no more than 50 tables" in problems("neuron." + "a." * 3000 + "b=1")
