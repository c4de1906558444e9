"""`snnplug recipes [NAME]`: the built-in recipes, to look at and to start one's own from."""

from __future__ import annotations

import json

import click

from snnplug.cli.table import print_table
from snnplug.errors import RecipeError, did_you_mean
from snnplug.recipe.built_in import built_in_recipes, built_in_text

__all__ = ["command"]


@click.command("recipes")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the built-in recipes with what each is about, or print the one called NAME.

    `snnplug recipes NAME > my.toml` begins a recipe of your own.
    """
    recipes = built_in_recipes()
    if name is not None and name not in recipes:
        hint = did_you_mean(name, recipes)
        raise RecipeError([f"no built-in recipe {name!r}.{hint} All of them: snnplug recipes"])
    if as_json:
        shown = recipes if name is None else {name: recipes[name]}
        more = {} if name is None else {"text": built_in_text(name)}
        found = [{"name": recipe, "summary": line, **more} for recipe, line in shown.items()]
        click.echo(json.dumps(found, indent=2))
    elif name is None:
        print_table(("recipe", "summary"), list(recipes.items()))
    else:
        click.echo(built_in_text(name), nl=False)
