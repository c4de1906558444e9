"""Recipes from files and from the built-in collection."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

import attrs

from snnplug.errors import RecipeError, did_you_mean
from snnplug.recipe.built_in import built_in_recipes, built_in_text
from snnplug.recipe.limits import read_limited, refuse_deep
from snnplug.recipe.overrides import apply_overrides
from snnplug.recipe.recipe import Recipe
from snnplug.recipe.section import Table

__all__ = ["read_recipe", "recipe_data", "recipe_text", "to_toml"]


def read_recipe(source: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        source: path of a TOML file, or the name of a built-in recipe.
        overrides: texts `key=value`, such as `neuron.tau=2.0`.

    Raises:
        RecipeError: there is no such recipe, or it is wrong.
    """
    data, name = recipe_data(source)
    data, overridden = apply_overrides(data, overrides)
    return attrs.evolve(Recipe.from_dict(data, name=name), overridden=overridden)


def recipe_text(source: str | Path) -> str:
    """Return the text of a recipe file or of a built-in recipe, as it stands.

    Raises:
        RecipeError: there is no such recipe, or it cannot be read.
    """
    if str(source) in built_in_recipes():
        return built_in_text(str(source))
    names = built_in_recipes()
    try:
        return read_limited(source).decode("utf-8-sig")  # editors of other systems put a mark at the start
    except RecipeError:
        raise
    except FileNotFoundError as error:
        hint = did_you_mean(str(source), names)
        raise RecipeError(
            [
                f"no recipe file {str(source)!r} and no built-in recipe of that name.{hint} "
                f"Built-in: {', '.join(names)}"
            ]
        ) from error
    except UnicodeDecodeError as error:
        problem = f"cannot read the recipe {str(source)!r}: it is not in UTF-8; save it as UTF-8"
        raise RecipeError([problem]) from error
    except (OSError, ValueError) as error:
        raise RecipeError([f"cannot read the recipe {str(source)!r}: {error}"]) from error


def recipe_data(source: str | Path) -> tuple[Table, str]:
    """Return what stands in a recipe, as it stands, and its name.

    Raises:
        RecipeError: there is no such recipe, or it is no TOML.
    """
    text = recipe_text(source)
    name = str(source) if str(source) in built_in_recipes() else Path(source).stem
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # beside its own errors, of numbers and of nesting
        raise RecipeError([f"{source} is not valid TOML: {error}"]) from error
    refuse_deep(data)
    return data, name


def to_toml(recipe: Recipe) -> str:
    """Return the text of a recipe.

    Raises:
        RecipeError: it holds what TOML has no word for.
    """
    import tomli_w

    try:
        return tomli_w.dumps(recipe.to_dict())
    except TypeError as error:
        raise RecipeError([f"a recipe holds only numbers, texts, lists and tables: {error}"]) from error
