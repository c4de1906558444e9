"""Random search: every draw is independent of all others and of their results.

Draw i is `space.sample(random.Random(f"{seed}:{i}"))`, so it depends on the seed and its
position alone: not on how many are asked for at once, on results, or on where a search
was interrupted. Repeated draws are left in; whoever asks may answer them from its record.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from annotated_types import Ge

from snnplug import SearchSpace, Trial, check_ranges

__all__ = ["Random"]


@check_ranges
class Random:
    """Independent draws from a space.

    Args:
        space: what is drawn from.
        seed: seed of the search.
        draws: number of draws in all, repeated ones included.

    Raises:
        ValueError: `draws` is less than 1.
    """

    def __init__(self, space: SearchSpace, seed: int, *, draws: Annotated[int, Ge(1)] = 64) -> None:
        self.space, self.seed, self.draws = space, seed, draws
        self._asked = 0

    def ask(self, n: int) -> Sequence[Any]:
        """Return the next `n` genotypes, fewer at the end."""
        first, self._asked = self._asked, min(self._asked + max(n, 0), self.draws)
        return [self.space.sample(random.Random(f"{self.seed}:{i}")) for i in range(first, self._asked)]

    def tell(self, trials: Iterable[Trial]) -> None:
        """Ignore the results."""
