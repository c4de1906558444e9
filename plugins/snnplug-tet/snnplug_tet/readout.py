"""Losses on one readout: the cross entropy of the mean output over all, or over chosen, steps.

    SDT  L = CE(1/T sum_t o[t], y)
    LTS  L = CE(o[T-1], y), or the mean over chosen steps in place of o[T-1]

SDT is standard direct training as named by Deng et al., ICLR 2022, arXiv:2202.11946. LTS is the
last-time-step loss of Shen et al., NeurIPS 2024, OpenReview 6AepMNrz7a. A network trained with LTS
says nothing at other steps, so its prediction is that of the same steps.
"""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import MinLen
from torch import Tensor

from snnplug.errors import ContractError
from snnplug.nn import Loss

__all__ = ["LTS", "SDT"]


class SDT(Loss):
    """Cross entropy of the mean output over time."""

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the loss; shapes as in `snnplug.nn.Loss`."""
        return F.cross_entropy(self.readout(outputs), target)


class LTS(Loss):
    """Cross entropy of the last time step, or of the mean over chosen steps.

    Args:
        steps: which steps, from 0; negative ones count from the end.

    Raises:
        ValueError: no step is chosen, or one twice.
    """

    def __init__(self, *, steps: Annotated[tuple[int, ...], MinLen(1)] = (-1,)) -> None:
        super().__init__()
        if len(set(steps)) < len(steps):
            raise ValueError(f"steps must name no step twice, got {list(steps)}")
        self.steps = tuple(steps)

    def readout(self, outputs: Tensor) -> Tensor:
        """Return the mean over the chosen steps.

        Raises:
            ContractError: the outputs `[T, B, K]` have no such step.
        """
        T = len(outputs)
        chosen = [step % T for step in self.steps if -T <= step < T]
        if len(set(chosen)) < len(self.steps):
            raise ContractError(
                f"the loss 'lts' reads the steps {list(self.steps)}, which are not as many different steps "
                f"of a network that runs {T}; choose among 0 to {T - 1}, or -1 for the last"
            )
        return torch.stack([outputs[step] for step in chosen]).mean(0)

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the loss; shapes as in `snnplug.nn.Loss`."""
        return F.cross_entropy(self.readout(outputs), target)

    def extra_repr(self) -> str:
        """Show the chosen steps."""
        return f"steps={list(self.steps)}"
