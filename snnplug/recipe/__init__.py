"""Recipes: an experiment as data, checked and resolved before anything runs."""

from __future__ import annotations

from snnplug.recipe.built_in import DEFAULT, built_in_recipes
from snnplug.recipe.read import read_recipe, recipe_text
from snnplug.recipe.recipe import Recipe

__all__ = ["DEFAULT", "Recipe", "built_in_recipes", "read_recipe", "recipe_text"]
