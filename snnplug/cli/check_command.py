"""`snnplug check [RECIPE]`: whether all plugins load, or whether a recipe would run."""

from __future__ import annotations

from collections.abc import Iterator

import click

from snnplug.errors import SnnplugError, one_line
from snnplug.registry.parameters import parameters_of
from snnplug.registry.registry import Registration, Registry

__all__ = ["command"]


@click.command("check")
@click.argument("recipe", required=False)
@click.pass_context
def command(ctx: click.Context, recipe: str | None) -> None:
    """Import every registered thing, or check RECIPE (a file or a built-in name); run nothing.

    Exits with 1 and a line for each plugin that was left out and each thing that does not
    load, or with 2 and a line for each mistake in the recipe.
    """
    if recipe is not None:
        _check_recipe(recipe)
        click.echo(f"recipe {recipe}: no problems")
        return
    registry = Registry.from_installed(quiet=True)
    lines = [str(problem) for problem in registry.problems]
    for registration in registry:
        lines += _mistakes(registration)
    for line in lines:
        click.echo(line)
    if lines:
        ctx.exit(1)
    plugins = {registration.plugin for registration in registry}
    click.echo(f"{len(registry)} registered things of {len(plugins)} plugins: no problems")


def _mistakes(registration: Registration) -> Iterator[str]:
    who = f"{registration.kind} {registration.qualified} {registration.version}"
    try:
        known, open_ended = parameters_of(registration.load())
    except SnnplugError as error:
        yield " ".join(str(error).split())
        return
    except Exception as error:  # a foreign object may fail even to show its signature
        yield f"{who}: its parameters cannot be read: {one_line(error)}"
        return
    for name in registration.spec.components:
        if name not in known and not open_ended:
            yield f"{who}: its spec names the component {name!r}, which is no keyword-only parameter of it"


def _check_recipe(recipe: str) -> None:
    from snnplug.recipe.plan import make_plan
    from snnplug.recipe.recipe import read_recipe

    make_plan(read_recipe(recipe), Registry.from_installed())
