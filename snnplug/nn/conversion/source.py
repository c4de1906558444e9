"""Where in the user's code an operation of an exported graph stands."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import torch
from torch import fx
from torch.fx.traceback import annotate
from torch.overrides import TorchFunctionMode

__all__ = ["Line", "SourceLines", "custom_function", "line_of", "line_of_error", "module_of"]

_NOTE = "snnplug_line"
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<number>\d+), in [^\n]+\n[ \t]*(?P<text>[^\n]*)')
_TORCH = Path(torch.__file__).parent
_HERE = Path(__file__).parent
_OWN = _HERE.parent  # snnplug.nn, whose layers call the user's


class Line(NamedTuple):
    """A line of source."""

    file: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.number}: {self.text}"


class SourceLines(TorchFunctionMode):
    """Notes in an exported graph from which line each operation comes.

    torch's own notes hold lines of methods named `forward` alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self._inside = {code for _, code in _custom_forwards()}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.compiler.is_dynamo_compiling():  # within torch.cond
            return func(*args, **(kwargs or {}))
        with annotate({_NOTE: self._line(sys._getframe(1))}):
            return func(*args, **(kwargs or {}))

    def _line(self, frame: FrameType | None) -> str:
        """Return the user's innermost line among the callers, up to who asked for the export."""
        lines: list[Line] = []
        while frame is not None and not _exports(frame.f_code.co_filename):
            file = frame.f_code.co_filename
            if frame.f_code not in self._inside and not _is_torchs(file):
                lines.insert(0, Line(file, frame.f_lineno, ""))
                if not _is_own(file):
                    break
            frame = frame.f_back
        return _innermost(lines)


def line_of(node: fx.Node) -> str:
    """Return the innermost line of a node that is not torch's, or an empty string."""
    return (node.meta.get("custom") or {}).get(_NOTE) or _innermost(_lines(node))


def line_of_error(error: BaseException) -> str:
    """Return the innermost line that raised an exception and is not torch's, or an empty string."""
    lines = [Line(f.filename, f.lineno or 0, f.line or "") for f in traceback.extract_tb(error.__traceback__)]
    within = next((place for place, line in enumerate(lines) if _is_torchs(line.file)), len(lines))
    return _innermost(lines[within:])  # before that stands who asked for the export


def module_of(node: fx.Node) -> str:
    """Return the path of the innermost module that a node belongs to; empty for the model itself."""
    stack: dict[str, tuple[str, Any]] = node.meta.get("nn_module_stack") or {}
    paths = [path for path, _ in stack.values()]
    return paths[-1] if paths and not paths[-1].startswith("_empty_") else ""


def custom_function(node: fx.Node) -> str | None:
    """Return the name of the custom autograd function within which a node was traced.

    Export traces into such functions and leaves no mark but the lines of source.
    """
    lines = _lines(node)
    for name, code in _custom_forwards():
        last = max(number for *_, number in code.co_lines() if number is not None)
        if any(code.co_filename == a.file and code.co_firstlineno <= a.number <= last for a in lines):
            return name
    return None


def _lines(node: fx.Node) -> list[Line]:
    trace = node.meta.get("stack_trace") or ""
    return [Line(f["file"], int(f["number"]), f["text"].strip()) for f in _FRAME.finditer(trace)]


def _innermost(lines: Sequence[Line]) -> str:
    users = [line for line in lines if not _is_torchs(line.file)]
    outside = [line for line in users if not _is_own(line.file)]
    if not users:
        return ""
    file, number, text = (outside or users)[-1]
    return str(Line(file, number, text or linecache.getline(file, number).strip()))


@cache
def _exports(file: str) -> bool:
    return Path(file).parent == _HERE


@cache
def _is_own(file: str) -> bool:
    return Path(file).is_relative_to(_OWN)


@cache
def _is_torchs(file: str) -> bool:
    path = Path(file)
    elsewhere = "site-packages/torch/" in path.as_posix()  # a saved program may come from another machine
    return elsewhere or path.is_relative_to(_TORCH) or file.startswith(("torch/", "<"))


def _custom_forwards() -> Iterator[tuple[str, CodeType]]:
    waiting = [torch.autograd.Function]
    while waiting:
        for function in waiting.pop().__subclasses__():
            waiting.append(function)
            forward: Any = vars(function).get("forward")
            forward = getattr(forward, "__func__", forward)
            while hasattr(forward, "__wrapped__"):
                forward = forward.__wrapped__
            code = getattr(forward, "__code__", None)
            if isinstance(code, CodeType) and not _is_torchs(code.co_filename):
                yield function.__name__, code
