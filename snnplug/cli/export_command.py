"""`snnplug export`: the trained network of a run as a file that others read, and whether they read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snnplug.cli.run_argument import RunPath
from snnplug.cli.table import print_table
from snnplug.registry.registry import Registry

if TYPE_CHECKING:
    from snnplug.runs.export_records import ExportRecord, ReaderRecord

__all__ = ["command"]


@click.command("export")
@click.argument("run", type=RunPath())
@click.option(
    "--to",
    "exporter",
    metavar="NAME|TABLE",
    help="""The format, by name or as a recipe writes it: '{ use = "NAME", dialect = "..." }'.""",
)
@click.option(
    "--reader",
    "readers",
    multiple=True,
    metavar="NAME[=PYTHON]",
    help="Read it back with this one alone, in the Python of another environment where one is given. May be "
    "repeated. [default: all that are installed]",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file. [default: exports/model.* in RUN]",
)
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Test samples that it is verified on.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of values in which a reader may differ.",
)
@click.option("--no-verify", is_flag=True, help="Do not read it back.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    run: Path,
    exporter: str | None,
    readers: tuple[str, ...],
    out: Path | None,
    samples: int,
    tolerance: float,
    no_verify: bool,
    as_json: bool,
) -> None:
    """Write the trained network of a RUN to a file that others read, and read it back in each of them.

    Every reader runs in a process of its own, on samples of the data set; its spikes are compared with the
    network's layer by layer and step by step. exports.json of the run keeps the result, and the report shows
    it.

    \b
    Example: snnplug export runs/default-1 --to NAME
    snnplug list --kind exporter says which formats there are.

    Exits with 1 where a reader differs by more than the tolerance, one that was named does not read it, or
    nobody does.
    """
    from snnplug.engine.asked import parse_use
    from snnplug.engine.export import export_run
    from snnplug.runs.reading import to_plain
    from snnplug.runs.standard_json import to_json

    registry = Registry.from_installed()
    if exporter is None:
        known = ", ".join(sorted(registration.name for registration in registry.list("exporter")))
        ctx.fail(f"no format is named; give --to. Formats: {known or 'none; pip install snnplug-exporters'}")
    if no_verify and readers:
        ctx.fail("--reader says who reads the file back, and --no-verify that nobody does; leave one out")
    record = export_run(
        run,
        parse_use(exporter, "exporter"),
        registry,
        out=out,
        readers=readers,
        samples=samples,
        verify=not no_verify,
        say=lambda line: click.echo(line, err=True),
    )
    if as_json:
        click.echo(to_json(to_plain(record)))
    else:
        _print(record, run / record.file if out is None else out)
    ctx.exit(0 if _is_read(record.readers, tolerance, everyone=bool(readers)) else 1)


def _is_read(readers: Sequence[ReaderRecord], tolerance: float, *, everyone: bool) -> bool:
    """Whether whoever reads the file agrees, and somebody does: everyone, where they were named."""
    shares = [reader.share for reader in readers]
    read = [share for share in shares if share is not None]
    enough = len(read) == len(shares) if everyone else bool(read) or not shares
    return enough and all(1 - share <= tolerance for share in read)


def _print(record: ExportRecord, file: Path) -> None:
    for note in record.notes:
        click.echo(f"note: {note}")
    if record.readers:
        click.echo(f"read back on {record.samples} samples ({record.inputs}), {record.steps} steps each:")
        for reader in record.readers:
            if reader.state == "equal":
                count = len(reader.layers)
                click.echo(f"{reader.name} {reader.version}: all values equal, in {count} of {count} places")
        read = [reader for reader in record.readers if reader.state == "differs"]
        shares = [{layer.layer: layer.share or 0.0 for layer in reader.layers} for reader in read]
        names = dict.fromkeys(name for found in shares for name in found)
        rows = [
            [name, *(f"{_floored(found[name]):.4f}" if name in found else "" for found in shares)]
            for name in names
        ]
        if rows:
            print_table(["equal values", *(f"{reader.name} {reader.version}" for reader in read)], rows)
        for reader in record.readers:
            if reader.said:
                click.echo(f"{reader.name} {reader.version}".rstrip() + f": {reader.said}")
    ties = sum(margin.ties for margin in record.margins)
    if ties:
        potentials = sum(margin.all for margin in record.margins)
        click.echo(
            f"note: {ties:,} of {potentials:,} potentials equal the threshold, where readers may differ"
        )
    click.echo(file)


def _floored(share: float) -> float:
    """Return a share rounded down, so that 1 says that all are equal."""
    return int(share * 10000) / 10000
