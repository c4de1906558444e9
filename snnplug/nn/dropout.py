"""Dropout whose mask is one for all time steps."""

from __future__ import annotations

from typing import Annotated, Any

import torch
import torch.nn.functional as F
from annotated_types import Interval
from torch import Tensor

from snnplug.contracts.ranges import check_ranges
from snnplug.nn.stateful import StatefulModule
from snnplug.nn.time import is_static

__all__ = ["Dropout"]


@check_ranges
class Dropout(StatefulModule):
    """Dropout with one mask for all time steps, so that a dropped unit stays dropped.

    Its state is the mask, drawn at the first step.

    Args:
        p: probability of a zero.
    """

    def __init__(self, p: Annotated[float, Interval(ge=0, lt=1)] = 0.5) -> None:
        super().__init__()
        self.p = p

    @property
    def remembers(self) -> bool:
        """Whether there is a mask: in training."""
        return self.training and self.p > 0

    def mask(self, x: Tensor) -> Tensor:
        """Draw a mask for one step `[B, *]`; its mean is 1."""
        return F.dropout(torch.ones_like(x), self.p, self.training)

    def initial_state(self, x: Tensor) -> Tensor:
        """Draw a mask."""
        return self.mask(x)

    def sequence(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Mask `[T, B, *]`; a stride-0 expansion stays one."""
        return (x[0] * state).expand_as(x) if is_static(x) else x * state, state

    def forward(self, x: Tensor, state: Any = None) -> Any:
        """Map `[T, B, *]` to the same shape."""
        return super().forward(x, state) if self.remembers or state is not None else x

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p}"
