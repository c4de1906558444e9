"""What goes on, on standard error: bars on a terminal, lines where it is piped, JSON lines for machines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from snnplug.runs.standard_json import to_json

__all__ = ["Bar", "Log", "Reporter"]

Log: TypeAlias = Literal["auto", "jsonl"]

_EVERY = 10.0  # seconds between lines of work that goes on


class Bar:
    """A piece of work that goes on."""

    def advance(self, note: str = "", by: int = 1) -> None:
        """Go on, with a few words on how it stands."""


class _DrawnBar(Bar):
    def __init__(self, progress: Progress, task: Any) -> None:
        self._progress, self._task = progress, task

    def advance(self, note: str = "", by: int = 1) -> None:
        self._progress.advance(self._task, by)
        if note:
            self._progress.update(self._task, note=note)


class _ToldBar(Bar):
    """Says now and then how far it is, and how it ended."""

    def __init__(self, reporter: Reporter, name: str, total: int, done: int) -> None:
        self._reporter, self._name, self._total, self._done = reporter, name, total, done
        self._note = ""
        self._started = self._said = time.monotonic()

    def advance(self, note: str = "", by: int = 1) -> None:
        self._done += by
        self._note = note or self._note
        if time.monotonic() - self._said >= _EVERY and self._done < self._total:
            self.tell()

    def tell(self) -> None:
        self._said = time.monotonic()
        seconds = self._said - self._started
        facts = {"name": self._name, "done": self._done, "total": self._total, "seconds": round(seconds, 3)}
        said = f"{self._name} {self._done}/{self._total}, {seconds:.1f} s"
        note = {"note": self._note} if self._note else {}
        self._reporter.tell("progress", f"{said}: {self._note}" if self._note else said, **facts, **note)


class Reporter:
    """Says what goes on, on standard error.

    Args:
        quiet: say nothing at all.
        log: "auto" for bars on a terminal and lines elsewhere; "jsonl" for a JSON object a line, each with
            its `event`.
    """

    def __init__(self, *, quiet: bool = False, log: Log = "auto") -> None:
        self.quiet, self.log = quiet, log
        self.console = Console(stderr=True, quiet=quiet, highlight=False)

    @property
    def draws(self) -> bool:
        """Whether there is a terminal to draw bars on."""
        return self.log == "auto" and self.console.is_terminal

    def say(self, text: str, event: str = "note", **facts: Any) -> None:
        """Print a line."""
        if self.log == "jsonl":
            text = to_json({"event": event, "text": text, **facts}, indent=None)
        self.console.print(text, markup=False, emoji=False, soft_wrap=True)

    def tell(self, event: str, text: str, **facts: Any) -> None:
        """Print a line on what a bar shows, where none is drawn."""
        if not self.draws:
            self.say(text, event, **facts)

    @contextmanager
    def bar(self, name: str, total: int, done: int = 0, *, told: bool = True) -> Iterator[Bar]:
        """Show a bar while the block runs.

        Args:
            name: of the work.
            total: pieces of work.
            done: of them already.
            told: where no bar is drawn, say now and then how far it is; not where the work tells that itself.
        """
        if self.quiet or not (told or self.draws):
            yield Bar()
            return
        if not self.draws:
            bar = _ToldBar(self, name, total, done)
            yield bar
            bar.tell()
            return
        columns = (  # 80 in all, with a note of up to 30
            TextColumn("{task.description:<7}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self.console, refresh_per_second=4) as progress:
            yield _DrawnBar(progress, progress.add_task(name, total=total, completed=done, note=""))
