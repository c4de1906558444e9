"""`snnplug check [RECIPE]`: whether all plugins load, or whether a run would start."""

from __future__ import annotations

from collections.abc import Iterator

import click

from snnplug.errors import SnnplugError
from snnplug.recipe.built_in import DEFAULT
from snnplug.registry.contain import calling
from snnplug.registry.discovery import log_problems
from snnplug.registry.kinds import KINDS
from snnplug.registry.parameters import parameters_of, unnamed_parameters
from snnplug.registry.registration import Registration
from snnplug.registry.registry import Registry

__all__ = ["command"]


@click.command("check")
@click.argument("recipe", required=False)
@click.option(
    "-s", "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of the recipe."
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--devices", type=click.IntRange(min=1), default=1, show_default=True, help="Number of GPUs.")
@click.pass_context
def command(
    ctx: click.Context, recipe: str | None, overrides: tuple[str, ...], device: str, devices: int
) -> None:
    """Import every registered thing, or check RECIPE (a file or a built-in name); run nothing.

    A recipe is refused here if and only if `snnplug run` would refuse it before its first stage: names,
    parameters, data and device are looked up, and a network is built and tried on one input. What the bare
    names of the recipe mean is printed, and what other plugins offer by the same name.

    Exits with 1 and a line for each plugin that was left out and each thing that does not
    load, or with 2 and a line for each mistake in the recipe.
    """
    if recipe is not None or overrides:
        from snnplug.engine.prepare import prepare
        from snnplug.recipe.names import meanings
        from snnplug.recipe.read import read_recipe

        parsed, registry = read_recipe(recipe or DEFAULT, overrides), Registry.from_installed()
        prepared = prepare(parsed, registry, device=device, devices=devices)
        for line in meanings(prepared.parts.plan, registry):
            click.echo(line)
        click.echo(f"recipe {recipe or DEFAULT}: no problems")
        return
    registry = Registry.from_installed(quiet=True)
    log_problems((), registry.notes)
    lines = [f"{problem}; run: {problem.remedy}" for problem in registry.problems]
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
        target = registration.load()
        with calling(registration, "a signature that can be read", tuple):
            supplied = KINDS[registration.kind].supplied_to(target)
            known, open_ended = parameters_of(target, supplied)
            unnamed = unnamed_parameters(target, supplied)
    except SnnplugError as error:
        yield " ".join(str(error).split())
        return
    for name in registration.spec.components:
        if name not in known and not open_ended:
            yield f"{who}: its spec names the component {name!r}, which is no parameter of it"
    for name in unnamed:
        yield f"{who}: its parameter {name!r} has no name that a recipe could set; write it behind a *"
