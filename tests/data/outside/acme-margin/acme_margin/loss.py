"""Margin loss of the mean output over time.

    o = mean over time of o[t]
    loss = mean over samples of sum over k of p[k] mean over j != k of max(0, margin - o[k] + o[j])

with p the class probabilities of the target. Weston and Watkins, ESANN 1999.
"""

from __future__ import annotations

import torch.nn.functional as F
from snnplug.nn import Loss
from torch import Tensor

__all__ = ["Margin"]


class Margin(Loss):
    """Margin loss: outputs `[T, B, K]` and target `[B]` or `[B, K]` to a scalar.

    Args:
        margin: how much higher the right class has to be, greater than 0.

    Raises:
        ValueError: `margin` is not greater than 0.
    """

    def __init__(self, *, margin: float = 1.0) -> None:
        super().__init__()
        if not margin > 0:
            raise ValueError(f"margin must be greater than 0, got {margin}")
        self.margin = margin

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the mean over samples."""
        scores = self.readout(outputs)
        classes = scores.shape[1]
        right = F.one_hot(target, classes).to(scores) if target.dim() == 1 else target
        behind = (self.margin - scores.unsqueeze(2) + scores.unsqueeze(1)).clamp(min=0)  # [B, k, j]
        of_class = (behind.sum(2) - self.margin) / (classes - 1)  # without j = k, which is the margin
        return (right * of_class).sum(1).mean()
