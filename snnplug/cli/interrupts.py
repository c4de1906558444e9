"""Ctrl-C and SIGTERM: the command is wound up, and one line says so and how to go on.

The first one unwinds the command as a `KeyboardInterrupt`, to which whatever knows how to go on adds a note.
Those of the next seconds are the same wish. A later one ends the process at once, whatever it is doing: a
run directory is whole at every moment, and worker processes end with their driver. A signal that is
ignored, as Ctrl-C in a job that a shell has started in the background, stays ignored.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType
from typing import Any

import click

from snnplug.engine.launcher import is_first

__all__ = ["Interrupts"]

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_PATIENCE = 5.0  # seconds


class Interrupts:
    """What a command does with Ctrl-C and SIGTERM while the block runs."""

    def __init__(self) -> None:
        self._number = signal.SIGINT
        self._met: float | None = None
        self._said = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in _WORDS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._meet)
        return self

    def __exit__(self, *_: object) -> None:
        if self._met is None:  # else the process is about to end
            for number, handler in self._before.items():
                signal.signal(number, handler)

    @property
    def exit_code(self) -> int:
        """That of a process which a signal has ended, as shells count."""
        return 128 + self._number

    def say(self, stop: KeyboardInterrupt | None = None) -> None:
        """Say once that the command was stopped, with the notes of `stop` on how to go on.

        Of several processes of a run the first speaks.
        """
        if self._said or not is_first():
            return
        self._said = True
        notes = getattr(stop, "__notes__", ())
        click.echo("; ".join([f"snnplug: {_WORDS[self._number]}", *notes]), err=True)

    def _meet(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._met is None:
            self._met, self._number = now, signal.Signals(number)
            raise KeyboardInterrupt
        if now > self._met + _PATIENCE:
            self.say()
            os._exit(self.exit_code)
