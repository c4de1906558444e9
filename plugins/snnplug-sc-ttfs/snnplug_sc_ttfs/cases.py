"""Which pairs of spike times a potential can lead to, from silence to two spikes at once.

A pair is the slot of the first spike and that of the calibration spike, which is the same or later, or never.
Earlier means more: first by the encoding spike, then by the calibration spike.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Cases", "cases_of"]


class Cases(NamedTuple):
    """All pairs in ascending order.

    Attributes:
        first, second: slot of each spike `[N]`; S where there is none.
    """

    first: Tensor
    second: Tensor


def cases_of(slots: int, *, strict: bool = False, single: bool = False) -> Cases:
    """Return the pairs.

    Args:
        slots: S.
        strict: the second spike comes at a later slot than the first.
        single: there is no second spike.
    """
    pairs = [(slots, slots)]
    for first in reversed(range(slots)):
        pairs.append((first, slots))
        if not single:
            pairs += [(first, second) for second in reversed(range(first + strict, slots))]
    first, second = torch.tensor(pairs).unbind(1)
    return Cases(first, second)
