"""The network of a genotype, so that whatever a search has seen can be trained as an architecture."""

from __future__ import annotations

from typing import Any

from torch import nn

from snnplug import Component, Task
from snnplug.errors import ParameterError

__all__ = ["candidate"]


def candidate(
    task: Task,
    *,
    space: Component | None = None,
    genotype: Any = None,
    run: str = "",
    key: str = "",
) -> nn.Module:
    """Build the network of a genotype: input `[T, B, C, H, W]` to outputs `[T, B, K]`.

    Args:
        task: what it is built for.
        space: search space, with its parameters; without a neuron of its own it takes the recipe's.
        genotype: of the space, as its run has recorded it.
        run: in a recipe, in place of `space` and `genotype`: the run directory that has them.
        key: in a recipe with `run`: which candidate; its number, key or genotype, or empty for the best.

    Raises:
        ParameterError: there is no space or no genotype.
    """
    if space is None or genotype is None:
        raise ParameterError("give space and genotype, or, in a recipe, the run that has them")
    network: nn.Module = space.build(task).build(genotype)
    return network
