"""`snnplug energy`: what energy models say of a finished run, beside those of its recipe."""

from __future__ import annotations

from pathlib import Path

import click

from snnplug.cli.run_argument import RunPath
from snnplug.cli.table import print_table
from snnplug.registry.registry import Registry
from snnplug.runs.energy_records import Energy
from snnplug.runs.opening import directory_at

__all__ = ["command"]


@click.command("energy")
@click.argument("directory", metavar="RUN", type=RunPath())
@click.option("--models", default="", metavar="A,B,...", help="Names of models without parameters.")
@click.option(
    "-m",
    "--model",
    "tables",
    multiple=True,
    metavar="TABLE",
    help="""A model as a recipe writes it: '{ use = "per_operation", joule = 2e-12 }'.""",
)
@click.option("--from", "file", metavar="TOML", help="Take energy.models of a recipe or another TOML file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context, directory: Path, models: str, tables: tuple[str, ...], file: str | None, as_json: bool
) -> None:
    """Estimate the energy of a finished RUN by more models, from the activity that it recorded.

    Writes energy.json into the run directory, in place of one from before, and the report again, which puts
    all models side by side. Nothing is run, and summary.json stays as it is. Of a shared run, hf://ORG/NAME,
    nothing is written.
    """
    from snnplug.engine.asked import parse_use
    from snnplug.engine.energy_after import estimate_run, models_in
    from snnplug.runs.reading import to_plain
    from snnplug.runs.standard_json import to_json

    registry = Registry.from_installed()
    wanted = [name.strip() for name in models.split(",") if name.strip()]
    given = [parse_use(table, "energy_model") for table in tables]
    chosen = [*wanted, *given, *(models_in(file) if file is not None else ())]
    if not chosen:
        known = ", ".join(sorted(registration.name for registration in registry.list("energy_model")))
        ctx.fail(f"no model is named; give --models, -m or --from. Energy models: {known}")
    record = estimate_run(directory, chosen, registry, lambda line, _: click.echo(f"note: {line}", err=True))
    if as_json:
        click.echo(to_json(to_plain(record)))
        return
    _print(record.energy)
    if directory_at(directory).writable:
        click.echo(directory / "report.html")


def _print(energies: tuple[Energy, ...]) -> None:
    from snnplug.report import words
    from snnplug.report.energy_models import disagreements, model_rows

    rows = model_rows(energies)
    others = list(dict.fromkeys(other.name for row in rows for other in row.against))
    table = []
    for row in rows:
        ratios = {other.name: other.shown for other in row.against}
        unit = "" if row.energy.unit == "J" else f" {row.energy.unit}"
        value = words.quantity(row.energy.value, row.energy.unit) + unit
        table.append([row.name, value, *(ratios.get(name, "-") for name in others)])
    print_table(["model", "SNN", *(f"/ {name}" for name in others)], table)
    for row in rows:
        for line in row.energy.warnings:
            click.echo(f"warning: {row.name}: {line}", err=True)
    for line in disagreements([row for row in rows if row.energy.unit == "J"]):
        click.echo(line)
