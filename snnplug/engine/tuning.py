"""Training of some parameters of a converted network, with the statistics of its batch norms held."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from torch import nn

from snnplug.engine.course import Course
from snnplug.engine.parameter_groups import BATCH_NORMS, sorted_parameters

__all__ = ["FrozenStatistics", "trainable"]


class FrozenStatistics(Course):
    """Batch norms normalise by their running statistics, as they will when they are folded into weights."""

    def __init__(self, model: nn.Module) -> None:
        self.norms = [module for module in model.modules() if isinstance(module, BATCH_NORMS)]

    def before_batch(self, epoch: int, step: int) -> None:
        """Put the norms into evaluation mode, which training has taken them out of."""
        for norm in self.norms:
            norm.eval()


@contextmanager
def trainable(model: nn.Module, sorts: Collection[str]) -> Iterator[int]:
    """Let only some parameters of a model be trained inside the block.

    Args:
        model: a network.
        sorts: of "neurons", "norms" and "weights".

    Yields:
        How many numbers that is.
    """
    before = {parameter: parameter.requires_grad for parameter in model.parameters()}
    chosen: set[nn.Parameter] = set()
    for _, parameter, sort in sorted_parameters(model):
        if ("weights" if sort == "biases" else sort) in sorts and before[parameter]:
            chosen.add(parameter)
    for parameter in before:
        parameter.requires_grad_(parameter in chosen)
    try:
        yield sum(parameter.numel() for parameter in chosen)
    finally:
        for parameter, was in before.items():
            parameter.requires_grad_(was)
