"""Ctrl-C and SIGTERM: the command is wound up, and one line says so and how to go on.

The first one unwinds the command as a `KeyboardInterrupt`. One more ends the process at once, whatever it is
doing: a run directory is whole at every moment, and worker processes end with their driver. A signal that
is ignored, as Ctrl-C in a job that a shell has started in the background, stays ignored.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

import click

__all__ = ["Interrupts"]

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Interrupts:
    """What a command does with Ctrl-C and SIGTERM while the block runs."""

    def __init__(self) -> None:
        self._how_to_go_on: Callable[[], str] = str
        self._number = signal.SIGINT
        self._met = self._said = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in _WORDS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._meet)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._met:  # else the process is about to end, which one more may hasten
            for number, handler in self._before.items():
                signal.signal(number, handler)

    @property
    def exit_code(self) -> int:
        """That of a process which a signal has ended, as shells count."""
        return 128 + self._number

    @contextlib.contextmanager
    def saying(self, how_to_go_on: Callable[[], str]) -> Iterator[None]:
        """Name a way to go on, if the block is interrupted.

        Args:
            how_to_go_on: returns the command that continues the work, empty if there is none.
        """
        self._how_to_go_on = how_to_go_on
        yield
        self._how_to_go_on = str  # an interrupt leaves it as it is, for what is to be said

    def say(self) -> None:
        """Say once that the command was stopped, and how to go on; of several processes the first speaks."""
        if self._said or os.environ.get("LOCAL_RANK", "0") != "0":
            return
        self._said = True
        command = self._how_to_go_on()
        hint = f"; continue with: {command}" if command else ""
        click.echo(f"snnplug: {_WORDS[self._number]}{hint}", err=True)

    def _meet(self, number: int, frame: FrameType | None) -> NoReturn:
        first, self._met = not self._met, True
        if first:
            self._number = signal.Signals(number)
            raise KeyboardInterrupt
        self.say()
        os._exit(self.exit_code)
