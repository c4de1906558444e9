"""What an access to on-chip memory costs, by the size of the memory: three readings of the same table.

Horowitz, ISSCC 2014, 45 nm: 64 bits from a cache of 8 KB take 10 pJ, of 32 KB 20 pJ, of 1 MB 100 pJ.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

__all__ = ["AccessPrice", "Model", "access_price"]

Model = Literal["interpolated", "linear", "constant"]
AccessPrice = Callable[[float], float]

_POINTS = ((0.0, 0.0), (8 * 1024, 10e-12), (32 * 1024, 20e-12), (1024 * 1024, 100e-12))  # bytes, J


def access_price(model: Model, bits: int, bytes_per_access: int = 8) -> AccessPrice:
    """Return a function from the size of a memory in words to J of an access to one word.

    Args:
        model: "interpolated" goes straight from point to point of Horowitz's table, and no further than the
            last, in proportion to the bits of a word; "linear" is 13.2 pJ + 1.09e-5 pJ for each bit of the
            memory, whatever the word (Lemaire et al. as qualia-plugin-snn has it); "constant" takes 10 pJ for
            64 bits, whatever the size (its newer choice).
        bits: of a word.
        bytes_per_access: that a price of Horowitz's pays for, in "interpolated": they are 8, and
            SpikingJelly's `estimate_lemaire_energy` divides by 4.
    """
    if model == "linear":
        return lambda words: (1.09e-5 * words * bits + 13.2) * 1e-12
    if model == "constant":
        return lambda words: 10e-12 * bits / 64
    return lambda words: _interpolated(words * bits / 8) * bits / 8 / bytes_per_access


def _interpolated(size: float) -> float:
    for (low, cheap), (high, dear) in pairwise(_POINTS):
        if size <= high:
            return cheap + (dear - cheap) * (size - low) / (high - low)
    return _POINTS[-1][1]
