"""`snnplug compare`: finished runs side by side."""

from __future__ import annotations

from pathlib import Path

import click

from snnplug.cli.table import print_table
from snnplug.runs.compare import FinishedRun, differing_settings, epoch_rows, figures, learning_figures
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import to_plain
from snnplug.runs.standard_json import to_json

__all__ = ["command"]


@click.command("compare")
@click.argument("directories", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR...")
@click.option("--target", type=click.FloatRange(0, 1), default=0.95, show_default=True, help="Accuracy.")
@click.option("--epochs", is_flag=True, help="Also print loss and accuracies of every epoch.")
@click.option("--svg", type=click.Path(path_type=Path), help="Draw the learning curves into this file.")
@click.option("--json", "as_json", is_flag=True, help="Print summaries and epochs as JSON.")
def command(
    directories: tuple[Path, ...], target: float, epochs: bool, svg: Path | None, as_json: bool
) -> None:
    """Put finished runs side by side.

    Times per epoch are also given as a ratio to the first run. Epochs and seconds to the
    target count until the validation accuracy first reaches it.
    """
    runs = [FinishedRun.read(path) for path in directories]
    for note in (note for path in directories for note in RunDirectory(path).notes):
        click.echo(f"note: {note}", err=True)
    if svg is not None:
        from snnplug.report.comparison import write_curves

        write_curves(runs, svg)
    if as_json:
        records = {
            str(path): {**to_plain(run.summary), "per_epoch": [to_plain(epoch) for epoch in run.epochs]}
            for path, run in zip(directories, runs, strict=True)
        }
        click.echo(to_json(records))
        return
    columns = [figures(run.summary) | learning_figures(run, runs[0], target) for run in runs]
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [[name, *(str(column.get(name, "-")) for column in columns)] for name in names]
    rows += [[key, *cells] for key, cells in differing_settings(runs).items()]
    print_table(["", *(run.name for run in runs)], rows)
    if epochs:
        click.echo("\nloss, training accuracy, validation accuracy by epoch")
        by_epoch = [[str(number), *cells] for number, cells in epoch_rows(runs)]
        print_table(["epoch", *(run.name for run in runs)], by_epoch)
