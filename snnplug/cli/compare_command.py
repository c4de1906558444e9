"""`snnplug compare`: runs side by side."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from snnplug.cli.run_argument import RunPath
from snnplug.cli.table import print_table
from snnplug.errors import UsageError, did_you_mean
from snnplug.runs.compare import ComparedRun, differing_settings, epoch_rows, learning_figures
from snnplug.runs.figures import Figure, figures
from snnplug.runs.opening import directory_at
from snnplug.runs.reading import to_plain
from snnplug.runs.standard_json import to_json

__all__ = ["command"]

_MAIN = ("test accuracy", "spikes per sample", "parameters", "total seconds")  # and the first energy


@click.command("compare")
@click.argument("directories", nargs=-1, required=True, type=RunPath(), metavar="DIR...")
@click.option("--all", "everything", is_flag=True, help="All figures, also how fast each run learned.")
@click.option("--sort", metavar="COLUMN", help="Sort by a column, such as 'test accuracy'; the best first.")
@click.option("--target", type=click.FloatRange(0, 1), default=0.95, show_default=True, help="Accuracy.")
@click.option("--epochs", is_flag=True, help="Also print loss and accuracies of every epoch.")
@click.option("--svg", type=click.Path(path_type=Path), help="Draw the learning curves into this file.")
@click.option("--csv", "form", flag_value="csv", help="Print all figures as CSV.")
@click.option("--markdown", "form", flag_value="markdown", help="Print a table in Markdown.")
@click.option("--json", "form", flag_value="json", help="Print summaries and epochs as JSON.")
def command(
    directories: tuple[Path, ...],
    everything: bool,
    sort: str | None,
    target: float,
    epochs: bool,
    svg: Path | None,
    form: str | None,
) -> None:
    """Put runs side by side, a row each; one that is not finished says so.

    The columns are the main figures and the settings in which the runs differ; with --all every figure. Times
    per epoch are then also given as a ratio to the first run; epochs and seconds to the target count until
    the validation accuracy first reaches it.
    """
    runs = [ComparedRun.read(path) for path in directories]
    for note in (note for path in directories for note in directory_at(path).notes):
        click.echo(f"note: {note}", err=True)
    if svg is not None:
        from snnplug.report.comparison import write_curves

        write_curves(runs, svg)
    if form == "json":
        records = {
            str(path): {**to_plain(run.summary), "per_epoch": [to_plain(epoch) for epoch in run.epochs]}
            for path, run in zip(directories, runs, strict=True)
        }
        click.echo(to_json(records))
        return
    header, rows = _table(runs, target, everything or form == "csv", sort)
    if form == "csv":
        click.echo(_csv(header, rows), nl=False)
    elif form == "markdown":
        click.echo(_markdown(header, rows))
    else:
        print_table(header, rows)
    if epochs and form is None:
        click.echo("\nloss, training accuracy, validation accuracy by epoch")
        by_epoch = [[str(number), *cells] for number, cells in epoch_rows(runs)]
        print_table(["epoch", *(run.name for run in runs)], by_epoch)


def _table(
    runs: Sequence[ComparedRun], target: float, everything: bool, sort: str | None
) -> tuple[list[str], list[list[str]]]:
    """Return a header and a row for each run."""
    found = [figures(run.summary) | learning_figures(run, runs[0], target) for run in runs]
    names = list(dict.fromkeys(name for figures in found for name in figures))
    if not everything:
        energy = [name for name in names if name.startswith("energy, ")][:1]
        names = [name for name in names if name in (*_MAIN, *energy)]
    settings = differing_settings(runs)
    states = ["state"] if any(run.state for run in runs) else []
    header = ["run", *states, *names, *settings]
    rows = [
        [
            run.name,
            *([run.state or "finished"] if states else []),
            *(str(found[i].get(name, "-")) for name in names),
            *(cells[i] for cells in settings.values()),
        ]
        for i, run in enumerate(runs)
    ]
    return header, _sorted(header, rows, found, sort) if sort else rows


def _sorted(
    header: Sequence[str], rows: list[list[str]], found: Sequence[Mapping[str, Figure]], sort: str
) -> list[list[str]]:
    """Sort by a column: accuracies and scores from the highest, all else from the lowest, gaps last."""
    if sort not in header:
        raise UsageError(
            f"--sort: no column {sort!r}.{did_you_mean(sort, header)} Columns: {', '.join(header)}"
        )
    sign = -1 if "accuracy" in sort or sort == "best score" else 1
    place = header.index(sort)

    def key(i: int) -> tuple[bool, float, str]:
        figure = found[i].get(sort)
        if figure is not None and isinstance(figure.value, int | float):
            return (False, sign * figure.value, "")
        text = rows[i][place]
        try:
            return (False, float(text), "")
        except ValueError:
            return (text == "-", 0.0, text)

    return [rows[i] for i in sorted(range(len(rows)), key=key)]


def _csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
