"""`snnplug study`: run every combination of some settings, and say what differs for sure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from snnplug.engine.progress import Log
    from snnplug.runs.study_records import Answer, Cell, Interval

__all__ = ["command"]


@click.command("study")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Directory of the study [default: studies/NAME]."
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option(
    "--executor",
    metavar="NAME",
    help="Where these processes are: a name, or a table such as '{use = \"name\", ...}' [default: here].",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads of each run."
)
@click.option("--check", "only_check", is_flag=True, help="Say what would be run, and what does not fit.")
@click.option("--accept-versions", is_flag=True, help="Go on though plugins or their files have changed.")
@click.option("--dashboard", is_flag=True, help="Serve Optuna's dashboard of the study while it goes on.")
@click.option(
    "--tracker",
    "trackers",
    multiple=True,
    metavar="NAME",
    help="Also write how each run goes on by this tracker: its name, or '{use = \"NAME\", KEY = VALUE}'.",
)
@click.option(
    "--log",
    type=click.Choice(["auto", "jsonl"]),
    default="auto",
    show_default=True,
    help="Progress on standard error: bars on a terminal and lines elsewhere, or JSON lines.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print the directory only.")
def command(
    file: Path,
    out: Path | None,
    workers: int,
    executor: str | None,
    device: str,
    threads: int,
    only_check: bool,
    accept_versions: bool,
    dashboard: bool,
    trackers: tuple[str, ...],
    log: Log,
    quiet: bool,
) -> None:
    """Carry out the study that FILE describes, or go on with it.

    Every combination of the values of its axes is run with every seed, each in a run directory of its own.
    What does not fit is listed before anything starts. The same command goes on after a stop, and with a
    changed FILE computes what is new. It prints means with intervals, which combinations differ from the
    baseline for sure, and the directory, with answer.json, answer.csv and report.html.

    \b
    Example of a FILE:
      recipe = "default"
      seeds = 5
      [axes]
      "neuron.tau" = [1.5, 2.0, 3.0]
      "train.batch_size" = [16, 64]
      [measures]
      "accuracy.test" = "max"
      "spikes_per_sample" = "min"
    """
    from snnplug.engine.process import own_process

    own_process()  # before torch is loaded
    from snnplug.engine.studies.study import study

    done = study(
        file,
        out=out,
        workers=workers,
        executor=executor,
        device=device,
        threads=threads,
        quiet=quiet,
        log=log,
        accept_versions=accept_versions,
        only_check=only_check,
        dashboard=dashboard,
        trackers=trackers,
    )
    if done is None:
        return
    if not quiet and log != "jsonl":
        _print(done.answer)
    click.echo(done.directory)
    if any(row.failures for row in done.answer.rows):
        raise SystemExit(1)


def _print(answer: Answer) -> None:
    from snnplug.cli.table import print_table

    rows: list[Sequence[str]] = []
    for row in answer.rows:
        if row.refused:
            continue
        cells = [text for measure in answer.measures for text in _texts(row.cells[measure], row.baseline)]
        rows.append([*row.values.values(), *cells])
    head = [text for measure in answer.measures for text in (measure, "less the baseline")]
    print_table([*answer.axes, *head], rows)


def _texts(cell: Cell, baseline: bool) -> tuple[str, str]:
    if cell.mean is None:
        return "-", "-"
    if baseline:
        return _estimate(cell.mean), "baseline"
    verdict = f" {cell.verdict}" if cell.verdict else ""
    return _estimate(cell.mean), f"{_estimate(cell.difference)}{verdict}" if cell.difference else "-"


def _estimate(estimate: Interval) -> str:
    interval = "" if estimate.low is None else f" [{estimate.low:.4g}, {estimate.high:.4g}]"
    return f"{estimate.value:.4g}{interval}"
