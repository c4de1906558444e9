"""How a study stands, shown: one table on a terminal, lines where it is piped, JSON lines for machines.

The table has a row for each combination, and where a terminal has no room for all of them, those that run and
those that have failed come first, then what comes next.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from snnplug.engine.progress import Reporter
from snnplug.engine.studies.combinations import Job
from snnplug.engine.studies.standing import Share, Standing

__all__ = ["View", "shown"]

_EVERY = 10.0  # seconds between lines of work that goes on
_MOST_ROWS, _OTHER_LINES = 30, 6  # of the table: head, bar, and what a shell shows below
_BAR, _WITH_SEEDS, _WITH_TIMES = 10, 50, 70  # columns


class View:
    """Takes what happens to the runs of a study, and shows it.

    Args:
        report: where.
        standing: of the study.
        name: of the study.
    """

    def __init__(self, report: Reporter, standing: Standing, name: str) -> None:
        self.report, self.standing, self.name = report, standing, name
        self._said = time.monotonic()

    def begin(self, job: Job) -> None:
        """Take a run that begins."""
        self.standing.begin(job)
        if self.report.log == "jsonl":
            self.report.say(f"{job.directory} begins", "run_begin", **_facts(job))

    def end(self, job: Job, failure: str) -> None:
        """Take a run that has ended; `failure` says why it has no result."""
        seconds = round(self.standing.end(job, failed=bool(failure)), 3)
        if self.report.log == "jsonl":
            ended = {"seconds": seconds, "failure": failure or None}
            self.report.say(f"{job.directory} has ended", "run_end", **_facts(job), **ended)
        if failure:
            self.report.say(f"note: {job.directory} failed: {failure}")
        over = self.standing.done + self.standing.failed >= self.standing.total
        if time.monotonic() - self._said >= _EVERY and not over:
            self.tell()

    def tell(self) -> None:
        """Say how it stands, where no table is drawn."""
        self._said = time.monotonic()
        if not self.report.draws:
            self.say("study")

    def say(self, event: str) -> None:
        """Say how it stands."""
        standing = self.standing
        counts = {"done": standing.done, "running": standing.running, "failed": standing.failed}
        seconds = round(standing.clock() - standing.began, 3)
        facts = {"name": self.name, **counts, "total": standing.total, "seconds": seconds}
        self.report.say(f"{self.name} {_sentence(standing)}", event, **facts, left=standing.left())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the table."""
        rows = max(min(_MOST_ROWS, console.height - _OTHER_LINES), 1)
        shares = list(self.standing.shares.values())
        chosen = shares if len(shares) <= rows else _chosen(shares, rows - 1)
        axes = ", ".join(shares[0].labels) if shares else ""
        yield _table(chosen, axes, options.max_width, self.standing.clock())
        if len(chosen) < len(shares):
            yield Text(_rest(shares, chosen), style="dim", no_wrap=True, overflow="ellipsis")
        standing, said = self.standing, Text(_sentence(self.standing), no_wrap=True, overflow="ellipsis")
        if options.max_width < _WITH_SEEDS:
            yield said
            return
        line = Table.grid(padding=(0, 1))
        line.add_column(width=_BAR)
        line.add_row(ProgressBar(standing.total, standing.done + standing.failed, width=_BAR), said)
        yield line


@contextmanager
def shown(report: Reporter, standing: Standing, name: str) -> Iterator[View]:
    """Show how a study stands while the block runs; in the end one line stays."""
    view = View(report, standing, name)
    if report.quiet or not report.draws:
        yield view
    else:
        with Live(view, console=report.console, refresh_per_second=4, transient=True):
            yield view
    view.say("study_end")


def _facts(job: Job) -> dict[str, object]:
    return {"directory": job.directory, "combination": job.combination.labels, "seed": job.seed}


def _sentence(standing: Standing) -> str:
    """Return how a study stands, what matters most first."""
    words = [f"{standing.done}/{standing.total} runs"]
    words += [f"{standing.failed} failed"] if standing.failed else []
    left = standing.left() if standing.done + standing.failed < standing.total else None
    words += [f"{_clock(left)} left"] if left is not None else []
    words += [f"{standing.running} running"] if standing.running else []
    return ", ".join([*words, f"{_clock(standing.clock() - standing.began)} gone"])


def _table(shares: Sequence[Share], axes: str, width: int, now: float) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, expand=True)
    table.add_column(axes, ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("done", justify="right", no_wrap=True)
    table.add_column("failed", justify="right", no_wrap=True)
    if width >= _WITH_SEEDS:
        table.add_column("runs now", no_wrap=True, overflow="ellipsis", max_width=20)
    if width >= _WITH_TIMES:
        table.add_column("a run", justify="right", no_wrap=True)
    for share in shares:
        each = _clock(sum(share.seconds) / len(share.seconds)) if share.seconds else ""
        failed = Text(str(share.failed), style="red") if share.failed else ""
        values = ", ".join(share.labels.values()) or "the recipe"
        cells = [values, f"{share.done}/{share.wanted}", failed, _running(share, now), each]
        style = "bold" if share.running else "dim" if share.done == share.wanted else ""
        table.add_row(*cells[: len(table.columns)], style=style)
    return table


def _running(share: Share, now: float) -> str:
    """Return which seeds run, and for how long the first of them has."""
    if not share.running:
        return ""
    seeds = " ".join(map(str, share.running))
    return f"seed{'s' * (len(share.running) > 1)} {seeds}, {_clock(now - min(share.running.values()))}"


def _chosen(shares: Sequence[Share], count: int) -> list[Share]:
    """Return what is shown of many, in their order: what runs, has failed, comes next, is done."""

    def rank(share: Share) -> int:
        states = (bool(share.running), bool(share.failed), bool(share.waiting), True)
        return states.index(True)

    first = sorted(range(len(shares)), key=lambda i: (rank(shares[i]), i))[:count]
    return [shares[i] for i in sorted(first)]


def _rest(shares: Sequence[Share], chosen: Sequence[Share]) -> str:
    there = set(map(id, chosen))
    others = [share for share in shares if id(share) not in there]
    done = sum(share.done == share.wanted for share in others)
    return f"and {len(others)} more combinations, {done} of them done"


def _clock(seconds: float) -> str:
    return str(datetime.timedelta(seconds=round(seconds)))
