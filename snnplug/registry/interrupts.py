"""Whether an exception comes from outside, by a signal, or from the code that was called.

Python's own handler of Ctrl-C leaves no trace of itself, so that a component which raises `KeyboardInterrupt`
looks like a user who stops it. Inside `listening` a handler written in Python stands in its place: what it
raises has it among its frames.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

__all__ = ["from_a_signal", "listening"]


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Let Ctrl-C be told from an exception of the same name; a handler of the caller's own stays.

    Signals are the main thread's; elsewhere nothing happens.
    """
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is _interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def from_a_signal(error: BaseException) -> bool:
    """Whether the handler of a signal raised it; where that cannot be known of Ctrl-C, it did."""
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    if isinstance(error, KeyboardInterrupt) and signal.default_int_handler in handlers:
        return True
    import traceback

    codes = {getattr(handler, "__code__", None) for handler in handlers}
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))
