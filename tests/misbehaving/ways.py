"""Ways in which code goes wrong: what it raises, and what it gives in place of what it should."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from snnplug.errors import RunFailed


class Unprintable(Exception):
    def __str__(self) -> str:
        raise SystemExit


class Hostile(BaseException):
    """Neither an Exception nor any that Python knows."""


def _recurse() -> BaseException:
    return _recurse()


RAISES: dict[str, Callable[[], BaseException]] = {
    "raises": lambda: RuntimeError("boom"),
    "speaks in lines": lambda: OSError("one\n\n\x1b[31mtwo"),
    "is unprintable": Unprintable,
    "exits": lambda: SystemExit(0),
    "interrupts itself": KeyboardInterrupt,
    "cancels": asyncio.CancelledError,
    "skips a test": lambda: pytest.skip.Exception("not today"),
    "is hostile": Hostile,
    "stops iteration": StopIteration,
    "speaks for us": lambda: RunFailed("all is lost"),
    "recurses": _recurse,
}


def _endless() -> Iterator[float]:
    yield from itertools.repeat(1.0)


GIVES: dict[str, Callable[[Any], Any]] = {
    "none": lambda good: None,
    "text": lambda good: "five",
    "endless": lambda good: _endless(),
    "nan": lambda good: good * math.nan,
    "infinite": lambda good: good + math.inf,
    "whole numbers": lambda good: good.long(),
    "doubles": lambda good: good.double(),
    "complex": lambda good: good + 1j,
    "too few axes": lambda good: good[0],
    "wrong size": lambda good: torch.cat([good, good], -1),
    "one sample less": lambda good: good[:, 1:],
    "vector": lambda good: good.expand(2),
    "detached": lambda good: good.detach(),
    "elsewhere": lambda good: good.to("meta"),
    "tuple": lambda good: (good,),
    "list": lambda good: [good],
    "twice": lambda good: [*good, *good],
    "set": lambda good: {1, 2},
    "minus one": lambda good: -1,
    "true": lambda good: True,
}


def act(way: str, late: str, good: Any) -> Any:
    """Misbehave in that way in place of giving what is good; late: only once that file exists."""
    if not way or (late and not Path(late).exists()):
        return good
    if way in RAISES:
        raise RAISES[way]()
    return GIVES[way](good)
