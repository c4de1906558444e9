"""What foreign code changes of the process while it is imported, put back and said.

Importing a plugin must not move the program that it is imported into: its directory, seeds, default type
and whatever else stands below is as before, and whoever changed it is named.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

__all__ = ["put_back", "put_back_most"]

_NAMES = "INT TERM HUP QUIT ALRM CHLD PIPE ABRT USR1 USR2"  # asking for all of them takes ten times as long
_SIGNALS = [getattr(signal, f"SIG{name}") for name in _NAMES.split() if hasattr(signal, f"SIG{name}")]
_SHOWN = 60  # characters of what was printed
_UNKNOWN = object()
_SEED = "the seed of "


@attrs.frozen
class _Aspect:
    """Something of the process that foreign code may change.

    Attributes:
        name: for messages.
        read: returns its value; None where there is none, as of a library that is not loaded.
        write: puts a value back.
        fresh: returns what it is where the library was loaded only now; `_UNKNOWN` if that differs each time.
        anywhere: no import may change it, not that of a method and the libraries it needs either.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    fresh: Callable[[], Any] = lambda: None
    anywhere: bool = False

    def now(self) -> Any:
        try:
            return self.read()
        except Exception:  # such as a working directory that is gone
            return _UNKNOWN


def _torch() -> Any:
    return sys.modules.get("torch")


def _of_torch(name: str, read: Any, write: Any, fresh: Any) -> _Aspect:
    """Return an aspect of torch, which is looked at only where it is loaded."""
    return _Aspect(
        name, lambda: read(_torch()) if _torch() else None, lambda v: write(_torch(), v), fresh, anywhere=True
    )


def _numpy_state() -> Any:
    numpy = sys.modules.get("numpy.random")
    if numpy is None:
        return None
    found = numpy.get_state()
    return (found[0], found[1].tobytes(), *found[2:])


def _set_numpy_state(value: Any) -> None:
    import numpy

    if value is None:
        numpy.random.seed()  # loaded only now: as it would have begun
    else:
        numpy.random.set_state((value[0], numpy.frombuffer(value[1], dtype=numpy.uint32), *value[2:]))


def _set_torch_state(torch: Any, value: Any) -> None:
    if value is None:
        torch.seed()
    else:
        torch.set_rng_state(torch.frombuffer(bytearray(value), dtype=torch.uint8))


def _environment(before: Any) -> None:
    for name in [name for name in os.environ if name not in before]:
        del os.environ[name]
    os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value})


def _handlers() -> Any:
    return [signal.getsignal(number) for number in _SIGNALS]


def _set_handlers(before: Any) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    for number, handler in zip(_SIGNALS, before, strict=True):
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _locale() -> Any:
    import _locale

    return _locale.setlocale(_locale.LC_ALL, None)


def _set_locale(before: Any) -> None:
    import _locale

    _locale.setlocale(_locale.LC_ALL, before)


def _collecting(wanted: Any) -> None:
    (gc.enable if wanted else gc.disable)()


def _set_path(before: Any) -> None:
    sys.path[:] = before


_ASPECTS = (
    _Aspect("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit, anywhere=True),
    _Aspect("the working directory", os.getcwd, os.chdir, anywhere=True),
    _Aspect("environment variables", os.environ.copy, _environment),
    _Aspect("sys.path", lambda: list(sys.path), _set_path),
    _Aspect("signal handlers", _handlers, _set_handlers, anywhere=True),
    _Aspect("the locale", _locale, _set_locale),
    _Aspect("the garbage collector", gc.isenabled, _collecting),
    _Aspect("sys.excepthook", lambda: sys.excepthook, lambda hook: setattr(sys, "excepthook", hook)),
    _Aspect("standard error", lambda: sys.stderr, lambda stream: setattr(sys, "stderr", stream)),
    _Aspect(f"{_SEED}random", random.getstate, random.setstate, anywhere=True),
    _Aspect(f"{_SEED}numpy", _numpy_state, _set_numpy_state, lambda: _UNKNOWN, anywhere=True),
    _of_torch(
        "the default type of torch",
        lambda torch: torch.get_default_dtype(),
        lambda torch, value: torch.set_default_dtype(value),
        lambda: _torch().float32,
    ),
    _of_torch(
        "the gradient mode of torch",
        lambda torch: torch.is_grad_enabled(),
        lambda torch, value: torch.set_grad_enabled(value),
        lambda: True,
    ),
    _of_torch(
        f"{_SEED}torch",
        lambda torch: torch.get_rng_state().numpy().tobytes(),
        _set_torch_state,
        lambda: _UNKNOWN,
    ),
    _of_torch(
        "the number of threads of torch",
        lambda torch: torch.get_num_threads(),
        lambda torch, value: torch.set_num_threads(value),
        lambda: _torch().get_num_threads(),
    ),
)


class _Kept(io.BytesIO):
    """What is printed as bytes; it can be read after it was closed."""

    def close(self) -> None:
        pass


class _Overheard(io.TextIOWrapper):
    """Stands for standard output and keeps what is printed; who holds on to it prints to standard error."""

    def __init__(self) -> None:
        self.text, self.kept, self.over = "", _Kept(), False
        super().__init__(self.kept, encoding="utf-8", write_through=True)

    def write(self, text: str) -> int:
        if self.over:
            return sys.stderr.write(text)
        self.text += text[: _SHOWN + 1] if len(self.text) <= _SHOWN else ""
        return len(text)

    def end(self) -> str:
        """Return the beginning of what was printed, in one line."""
        self.over = True
        words = (self.text + self.kept.getvalue()[: _SHOWN + 1].decode(errors="replace")).split()
        printed = " ".join(words)
        return printed if len(printed) <= _SHOWN else f"{printed[:_SHOWN]}..."


@contextlib.contextmanager
def put_back() -> Iterator[list[str]]:
    """Put back, when the block ends, what it has changed of the process.

    Yields:
        A list that then holds what was changed, in words; what was printed comes last.
    """
    overheard = _Overheard()
    with warnings.catch_warnings(), contextlib.redirect_stdout(overheard), _watching(_ASPECTS) as changes:
        filters = list(warnings.filters)
        try:
            yield changes
        finally:
            filtered = list(warnings.filters) != filters
    if filtered:
        changes.append("the filters of warnings")
    if printed := overheard.end():
        changes.append(f"standard output, by printing {printed!r}")


@contextlib.contextmanager
def put_back_most() -> Iterator[list[str]]:
    """Do the same where libraries are imported too, which rightly set environment and filters of warnings.

    They also draw from the generators, which needs no words once it is put back.
    """
    changes: list[str] = []
    try:
        with _watching([aspect for aspect in _ASPECTS if aspect.anywhere]) as found:
            yield changes
    finally:
        changes += [change for change in found if not change.startswith(_SEED)]


@contextlib.contextmanager
def _watching(aspects: Sequence[_Aspect]) -> Iterator[list[str]]:
    changes: list[str] = []
    before = [aspect.now() for aspect in aspects]
    try:
        yield changes
    finally:
        for aspect, value in zip(aspects, before, strict=True):
            _restore(aspect, value, changes)


def _restore(aspect: _Aspect, before: Any, changes: list[str]) -> None:
    now = aspect.now()
    if now is None or before is _UNKNOWN:
        return
    wanted = aspect.fresh() if before is None else before
    if now is not _UNKNOWN and now == wanted:
        return
    with contextlib.suppress(Exception):  # such as a working directory that was removed
        aspect.write(None if wanted is _UNKNOWN else wanted)
        if wanted is not _UNKNOWN:
            changes.append(aspect.name)
