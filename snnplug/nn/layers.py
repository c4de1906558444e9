"""Which layers hold synapses."""

from __future__ import annotations

from torch import nn

__all__ = ["SYNAPTIC"]

SYNAPTIC: tuple[type[nn.Module], ...] = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
