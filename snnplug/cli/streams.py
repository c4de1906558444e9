"""Standard streams that are closed, or whose reader has gone: no reason for a run to end."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

__all__ = ["drop_output", "mend_streams"]


def mend_streams() -> None:
    """Open what is closed of the standard streams on nothing, and let standard error fail in silence.

    The next file opened would otherwise get the number of a closed stream, and with it whatever a library
    in C has to say.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    stream: Any = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if not isinstance(stream, _Forgiving):
        sys.stderr = _Forgiving(stream)


def drop_output() -> None:
    """Let go of what standard output could not write, which would be tried again when the process ends."""
    with contextlib.suppress(OSError, ValueError):  # a stream in memory has no number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class _Forgiving:
    """A text stream that may be closed, broken or full: what is written then is lost."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
