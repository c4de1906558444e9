"""`snnplug lint`: whether a network fits chips, and what does not, by how much, and what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from snnplug.cli.run_argument import local_run
from snnplug.cli.table import print_table
from snnplug.registry.registry import Registry
from snnplug.runs.opening import directory_at

if TYPE_CHECKING:
    from snnplug.contracts import LayerGraph
    from snnplug.runs.lint_records import ChipRecord, LintRecord

__all__ = ["command"]


@click.command("lint")
@click.argument("source", metavar="RUN|RECIPE")
@click.option(
    "--chip",
    "chips",
    multiple=True,
    metavar="NAME|TABLE",
    help="""A chip, by name or as a recipe writes it: '{ use = "NAME", bits = 6 }'. May be repeated.""",
)
@click.option(
    "--candidate", default="", metavar="KEY", help="A candidate of the run, or a genotype of the recipe."
)
@click.option(
    "--quantize", is_flag=True, help="Round the weights of a run to the chip's bits; accuracy with both."
)
@click.option(
    "-s", "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of the recipe."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    source: str,
    chips: tuple[str, ...],
    candidate: str,
    quantize: bool,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say whether the network of a RUN, or of a RECIPE before it is trained, fits chips.

    Names each layer that does not fit, by how much, and what to change. Of the trained network of a run
    lint.json is written, and the report again, which shows it; of a shared run, hf://ORG/NAME, nothing.

    \b
    Example: snnplug lint runs/default-1 --chip NAME --quantize
    snnplug list --kind chip says which names there are.

    Exits with 0 where the network fits all of these chips, and with 1 where it does not.
    """
    from snnplug.engine.asked import parse_use
    from snnplug.engine.lint import lint_recipe, lint_run
    from snnplug.runs.reading import to_plain
    from snnplug.runs.standard_json import to_json

    registry = Registry.from_installed()
    if not chips:
        known = ", ".join(sorted(registration.name for registration in registry.list("chip")))
        ctx.fail(f"no chip is named; give --chip. Chips: {known or 'none; pip install snnplug-chips'}")
    wanted = [parse_use(chip, "chip") for chip in chips]
    run = local_run(source)
    if run.is_dir():
        if overrides:
            ctx.fail("-s overrides keys of a recipe, and a run has been made already; leave it out")
        record, network = lint_run(
            run,
            wanted,
            registry,
            candidate=candidate,
            quantize=quantize,
            say=lambda line, _: click.echo(f"note: {line}", err=True),
        )
    else:
        if quantize:
            ctx.fail("--quantize needs the trained weights of a run; give a run directory")
        record, network = lint_recipe(source, overrides, wanted, registry, candidate=candidate)
    if as_json:
        click.echo(to_json(to_plain(record)))
    else:
        _print(record, network)
        if run.is_dir() and not candidate and directory_at(run).writable:
            click.echo(run / "report.html")
    ctx.exit(0 if all(chip.fits for chip in record.chips) else 1)


def _print(record: LintRecord, network: LayerGraph) -> None:
    for chip in record.chips:
        click.echo(f"{chip.title} ({chip.chip}); limits: {chip.source}")
        _print_layers(chip, network)
        for need in chip.needs:
            if not need.fits:
                click.echo(f"misfit: {need.told}: {need.advice}")
        for note in chip.notes:
            click.echo(f"note: {note}")
        if (rounded := chip.quantized) is not None:
            scale = "an output channel" if rounded.per_channel else "a layer"
            click.echo(
                f"weights of {rounded.bits} bits, a scale for {scale}: {rounded.split} accuracy "
                f"{rounded.after or 0:.4f}, as trained {rounded.before or 0:.4f}, {rounded.samples} samples"
            )
            for name in rounded.left:
                click.echo(f"note: the weights of {name} were not found and stay as they are")
        count = sum(not need.fits for need in chip.needs)
        verdict = "fits" if chip.fits else f"does not fit: {count} misfit{'s' if count > 1 else ''}"
        click.echo(f"{chip.title}: {verdict}; headroom {chip.headroom or 0:.3f}\n")


def _print_layers(chip: ChipRecord, network: LayerGraph) -> None:
    """Print what each layer needs, in numbers."""
    limits = list(dict.fromkeys(n.limit for n in chip.needs if n.layer and n.has is not None))
    needs = {(need.layer, need.limit): need for need in chip.needs if need.has is not None}
    rows = []
    for layer in network.layers:
        cells = [needs.get((layer.name, limit)) for limit in limits]
        told = ["" if n is None else f"{n.has:,.0f}{'' if n.fits else ' !'}" for n in cells]
        shape = " x ".join(map(str, layer.out_shape))
        rows.append([layer.name, layer.operation, shape, chip.placement.get(layer.name, "-"), *told])
    print_table(["layer", "operation", "output", "place", *limits], rows)
    for need in chip.needs:
        if not need.layer and need.fits:
            click.echo(f"{need.told}")
