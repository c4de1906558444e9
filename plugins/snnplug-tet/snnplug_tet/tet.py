"""Losses at every step: the mean over time of the cross entropy of each step's output.

    TET      L = (1 - m) 1/T sum_t CE(o[t], y) + m mean((o - phi)^2)
    TET-S    L = 1/T sum_t CE(o[t], (1 - e) y + e/K)
    rate CE  L = 1/T sum_t CE(s[t], y),   s[t] the output spikes

TET: Deng et al., ICLR 2022, arXiv:2202.11946; m is lambda there, 0.001 or 0.0001 in its scripts, and
phi = 1. TET-S: Shen et al., NeurIPS 2024, OpenReview 6AepMNrz7a; e = 0.01. Rate CE: Eshraghian et al.,
Proceedings of the IEEE 2023, arXiv:2109.12894 (`ce_rate_loss` of snnTorch).
"""

from __future__ import annotations

import math
from typing import Annotated

import torch.nn.functional as F
from annotated_types import Interval
from torch import Tensor

from snnplug.nn import Loss

__all__ = ["TET", "TETS", "RateCE"]


class TET(Loss):
    """Temporal efficient training: the mean over time of the cross entropy of each step.

    Args:
        mse_weight: weight m of the mean squared distance of all outputs to `mse_target`, in [0, 1];
            the cross entropy weighs 1 - m.
        mse_target: the value phi that outputs are pulled to.
        label_smoothing: part of the target that is spread evenly over all classes, in [0, 1).

    Raises:
        ValueError: a value is out of its range.
    """

    def __init__(
        self,
        *,
        mse_weight: Annotated[float, Interval(ge=0, le=1)] = 0.0,
        mse_target: float = 1.0,
        label_smoothing: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__()
        if not math.isfinite(mse_target):
            raise ValueError(f"mse_target must be finite, got {mse_target}")
        self.mse_weight, self.mse_target = float(mse_weight), float(mse_target)
        self.label_smoothing = float(label_smoothing)

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the loss; shapes as in `snnplug.nn.Loss`."""
        every = target.expand(len(outputs), *target.shape).flatten(0, 1)
        loss = F.cross_entropy(outputs.flatten(0, 1), every, label_smoothing=self.label_smoothing)
        if not self.mse_weight:
            return loss
        distance = (outputs - self.mse_target).square().mean()
        return (1 - self.mse_weight) * loss + self.mse_weight * distance

    def extra_repr(self) -> str:
        """Show the settings."""
        return (
            f"mse_weight={self.mse_weight}, mse_target={self.mse_target}, "
            f"label_smoothing={self.label_smoothing}"
        )


class TETS(TET):
    """Label-smooth TET: smoothed labels bound the outputs, in place of the second term of TET.

    Args:
        label_smoothing: part of the target that is spread evenly over all classes, in [0, 1).

    Raises:
        ValueError: `label_smoothing` is out of its range.
    """

    def __init__(self, *, label_smoothing: Annotated[float, Interval(ge=0, lt=1)] = 0.01) -> None:
        super().__init__(label_smoothing=label_smoothing)


class RateCE(TET):
    """Spike-rate cross entropy: TET on output spikes; the readout is the firing rate.

    Spikes are 0 or 1, so the loss never falls below ln(1 + (K-1)/e), which is 1.4612 for 10 classes
    and means that the right class alone fires at every step. One wrong class alone gives
    ln(K - 1 + e), 2.4612; no spike at all ln K, 2.3026.
    """

    def __init__(self) -> None:
        super().__init__()
