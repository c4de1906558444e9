"""Cores in a row as text: `8k3p2 16k3+ 16k5p2` is three cores.

16k3p2    convolution of 3x3 pixels to 16 channels, neurons, and an average of 2x2 pixels
16k3+     without a pool; what the core before the last one sends is added to what the last one sends
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from snnplug.errors import ParameterError

__all__ = ["Core", "read_cores", "write_cores"]

_CORE = re.compile(r"(\d+)k(\d+)(?:p(\d+))?(\+)?")


class Core(NamedTuple):
    """A core: channels, side of the kernel, side of the pool, and whether it takes what skips a core."""

    channels: int
    kernel: int
    pool: int = 1
    skip: bool = False


def read_cores(genotype: Any) -> tuple[Core, ...]:
    """Return the cores of a genotype.

    Raises:
        ParameterError: it is no such text.
    """
    words = genotype.split() if isinstance(genotype, str) else []
    found = [_CORE.fullmatch(word) for word in words]
    if not found or not all(found):
        raise ParameterError(
            f"genotype {genotype!r} is no text such as '8k3p2 16k3+ 16k5p2', a word for a core"
        )
    return tuple(Core(int(m[1]), int(m[2]), int(m[3] or 1), bool(m[4])) for m in found if m)


def write_cores(cores: Sequence[Core]) -> str:
    """Return the text of cores."""
    return " ".join(
        f"{core.channels}k{core.kernel}{f'p{core.pool}' if core.pool > 1 else ''}{'+' if core.skip else ''}"
        for core in cores
    )
