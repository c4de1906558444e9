"""`snnplug export-table`: epochs or candidates of a run as CSV."""

from __future__ import annotations

from pathlib import Path

import click

from snnplug.cli.run_argument import RunPath

__all__ = ["command"]


@click.command("export-table")
@click.argument("directory", type=RunPath(), metavar="DIR")
@click.argument("table", type=click.Choice(["metrics", "trials"]), default="metrics")
@click.option("--out", type=click.Path(path_type=Path), help="File to write [default: standard output].")
def command(directory: Path, table: str, out: Path | None) -> None:
    """Print the epochs (metrics) or the candidates (trials) of a run directory as CSV.

    \b
    Example:
      snnplug export-table runs/default-20260101-120000 trials --out trials.csv
    """
    from snnplug.engine.result import load
    from snnplug.errors import RunDirectoryError
    from snnplug.runs.checksums import write_atomically

    run = load(directory)
    for note in run.records.notes:
        click.echo(f"note: {note}", err=True)
    rows = run.metrics if table == "metrics" else run.trials
    if not rows:
        raise RunDirectoryError(
            f"{directory} has no {table}: its recipe has no such stage, or has not come to it"
        )
    text = run.csv("metrics" if table == "metrics" else "trials")
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        write_atomically(out, text.encode())
    except OSError as error:
        raise RunDirectoryError(f"cannot write {out}: {error.strerror}") from error
    click.echo(out)
