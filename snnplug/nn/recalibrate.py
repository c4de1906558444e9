"""New running statistics for batch norm, as where weights were trained in other company."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.nn.mode import evaluating
from snnplug.nn.stepwise import StepwiseBatchNorm2d

__all__ = ["recalibrate"]

_NORMS: tuple[type[nn.Module], ...] = (nn.modules.batchnorm._BatchNorm, StepwiseBatchNorm2d)


@torch.no_grad()
def recalibrate(model: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Replace the running statistics of every batch norm by their mean over some batches.

    Weights stay as they are, and so do training or evaluation mode.

    Args:
        model: changed in place.
        inputs: batches `[T, B, *]`; without any nothing changes.
    """
    norms: list[Any] = [part for part in model.modules() if isinstance(part, _NORMS)]
    momenta = [norm.momentum for norm in norms]
    begun = False
    with evaluating(model):
        try:
            for x in inputs:
                for norm in norms:
                    norm.train()
                    norm.momentum = None  # the mean of all
                    if not begun:
                        norm.running_mean.zero_()
                        norm.running_var.fill_(1)
                        norm.num_batches_tracked.zero_()
                begun = True
                model(x)
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
