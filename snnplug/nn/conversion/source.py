"""Where in the user's code an operation of an exported graph stands."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import torch
from torch import fx

__all__ = ["Line", "custom_function", "line_of", "line_of_error", "module_of"]

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<number>\d+), in [^\n]+\n[ \t]*(?P<text>[^\n]*)')
_TORCH = Path(torch.__file__).parent
_OWN = Path(__file__).parents[1]  # snnplug.nn, whose layers call the user's


class Line(NamedTuple):
    """A line of source."""

    file: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.number}: {self.text}"


def line_of(node: fx.Node) -> str:
    """Return the innermost line of a node that is not torch's, or an empty string."""
    return _innermost(_lines(node))


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
    outside = [line for line in users if not Path(line.file).is_relative_to(_OWN)]
    return str((outside or users)[-1]) if users else ""


def _is_torchs(file: str) -> bool:
    path = Path(file)  # a saved program may come from another machine
    return (
        path.is_relative_to(_TORCH)
        or "site-packages/torch/" in path.as_posix()
        or path.as_posix().startswith("torch/")
    )


def _custom_forwards() -> Iterable[tuple[str, CodeType]]:
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
