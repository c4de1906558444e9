"""Training of some parameters of a converted network, with the statistics of its batch norms held."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from torch import nn

from snnplug.engine.course import Course
from snnplug.nn import SpikingNeuron, StepwiseBatchNorm2d

__all__ = ["FrozenStatistics", "trainable"]

_NORMS = (nn.modules.batchnorm._BatchNorm, StepwiseBatchNorm2d)


class FrozenStatistics(Course):
    """Batch norms normalise by their running statistics, as they will when they are folded into weights."""

    def __init__(self, model: nn.Module) -> None:
        self.norms = [module for module in model.modules() if isinstance(module, _NORMS)]

    def before_batch(self, epoch: int, index: int) -> None:
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
    for parameter, sort in _sorts(model):
        if sort in sorts and before[parameter]:
            chosen.add(parameter)
    for parameter in before:
        parameter.requires_grad_(parameter in chosen)
    try:
        yield sum(parameter.numel() for parameter in chosen)
    finally:
        for parameter, was in before.items():
            parameter.requires_grad_(was)


def _sorts(model: nn.Module) -> Iterator[tuple[nn.Parameter, str]]:
    inside = {id(p) for m in model.modules() if isinstance(m, SpikingNeuron) for p in m.parameters()}
    norms = {id(p) for m in model.modules() if isinstance(m, _NORMS) for p in m.parameters()}
    for parameter in model.parameters():
        sort = "neurons" if id(parameter) in inside else "norms" if id(parameter) in norms else "weights"
        yield parameter, sort
