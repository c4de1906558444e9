"""Exhaustive search: every network of a space, in the order in which the space lists them.

It needs a space with a method `genotypes()`, and tells what other strategies could have found. It depends on
neither the seed nor results. Where networks that begin alike are listed one after the other, a scorer may
compute what they share once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

from annotated_types import Ge

from snnplug import SearchSpace, Trial, check_ranges
from snnplug.errors import ContractError

__all__ = ["Exhaustive"]


@check_ranges
class Exhaustive:
    """Every network once.

    Args:
        space: what is listed.
        seed: not used.
        draws: number of networks, the first ones of the list; None for all.

    Raises:
        ContractError: the space does not list its genotypes.
        ValueError: `draws` is less than 1.
    """

    def __init__(self, space: SearchSpace, seed: int, *, draws: Annotated[int, Ge(1)] | None = None) -> None:
        genotypes = getattr(space, "genotypes", None)
        if not callable(genotypes):
            raise ContractError(
                f"exhaustive search needs a space that lists its genotypes, and {type(space).__name__} has "
                "no method genotypes(); choose another strategy, such as random"
            )
        self.space = space
        self.draws: int = draws or space.size() or sum(1 for _ in genotypes())
        self._left = itertools.islice(self._different(genotypes()), self.draws)

    def ask(self, n: int) -> Sequence[Any]:
        """Return the next `n` genotypes, fewer at the end."""
        return list(itertools.islice(self._left, max(n, 0)))

    def tell(self, trials: Iterable[Trial]) -> None:
        """Ignore the results."""

    def _different(self, genotypes: Iterable[Any]) -> Iterator[Any]:
        seen: set[str] = set()
        for genotype in genotypes:
            key = self.space.key(genotype)
            if key not in seen:
                seen.add(key)
                yield genotype
