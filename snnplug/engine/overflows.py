"""Steps that are left out because gradients of 16 bits overflowed, as the gradient scaler finds them.

The scaler then halves its scale, and the next batch is tried. What lasts is no overflow but a network that
has diverged. Batch norm keeps the statistics that it had before, where those of the batch are not finite.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["Overflows"]


class Overflows:
    """Watches a gradient scaler.

    Args:
        scaler: of torch.amp, enabled.
        model: that is trained.
    """

    def __init__(self, scaler: Any, model: nn.Module) -> None:
        self.scaler = scaler
        self.buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
        self.kept = [buffer.detach().clone() for buffer in self.buffers]
        self.scale = 0.0

    def before_step(self) -> None:
        """Remember what a step may have to be taken back to; called before its first batch."""
        self.scale = self.scaler.get_scale()
        if self.buffers:
            torch._foreach_copy_(self.kept, self.buffers)

    @torch.no_grad()
    def after_step(self) -> bool:
        """Return whether the optimizer's step was left out; statistics go back where they are not finite."""
        if self.scaler.get_scale() >= self.scale:
            return False
        for buffer, kept in zip(self.buffers, self.kept, strict=True):
            if not bool(buffer.isfinite().all()):
                buffer.copy_(kept)
        return True
