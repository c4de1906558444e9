"""A bounded, seeded sample of rows that come in batches.

Every row gets a random key, and those with the smallest keys are kept. Which rows these are depends on the
seed and on the order of the rows only, and not on how they are cut into batches.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Sample"]


class Sample:
    """Keeps at most so many rows, each as likely as any other.

    Args:
        size: how many.
        seed: two samples of the same seed that are given as many rows keep the same ones.
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size = size
        self._generator = torch.Generator().manual_seed(seed)
        self._keys = torch.empty(0, dtype=torch.float64)
        self._rows: Tensor | None = None

    def add(self, rows: Tensor) -> None:
        """See further rows `[n, *]`."""
        keys = torch.rand(len(rows), generator=self._generator, dtype=torch.float64)
        if len(self._keys) == self.size:  # of most rows the key alone is looked at
            chosen = (keys < self._keys[-1]).nonzero().squeeze(1)
            keys, rows = keys[chosen], rows[chosen.to(rows.device)]
        elif self._rows is None and len(rows) > self.size:
            chosen = keys.argsort()[: self.size]
            keys, rows = keys[chosen], rows[chosen.to(rows.device)]
        keys = torch.cat([self._keys, keys])
        kept = keys.argsort()[: self.size]
        self._keys = keys[kept]
        together = rows if self._rows is None else torch.cat([self._rows, rows])
        self._rows = together[kept.to(together.device)]

    @property
    def rows(self) -> Tensor:
        """The rows that were kept, `[n, *]`, in an order of chance.

        Raises:
            ValueError: none were seen.
        """
        if self._rows is None:
            raise ValueError("the sample is empty")
        return self._rows
