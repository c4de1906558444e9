"""The candidates among which a search chooses: networks drawn at random from a space, none twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from snnplug import SearchSpace

__all__ = ["Member", "drawn"]

_TRIES = 200  # for each network: a small space may have nothing new left


class Member(NamedTuple):
    """A candidate of the pool."""

    genotype: Any
    key: str


def drawn(space: SearchSpace, seed: int, number: int) -> Iterator[Member]:
    """Yield up to `number` networks, fewer where the space seems to have no more.

    Draw i takes its randomness from `random.Random(f"{seed}:{i}")`.
    """
    known: set[str] = set()
    for index in range(number):
        rng = random.Random(f"{seed}:{index}")
        for _ in range(_TRIES):
            genotype = space.sample(rng)
            if (key := space.key(genotype)) not in known:
                break
        else:
            return
        known.add(key)
        yield Member(genotype, key)
