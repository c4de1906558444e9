"""The falling threshold of a first-spike code, which is what its spikes are worth, too.

    theta(t) = alpha exp(-k t + beta),   t = 0, 1, ..., S - 1

R. Feng et al., Computer Science 51(3):244-250, 2024, Eq. 14, with the values of Table 1. Only alpha exp(beta)
matters of the two; both are kept, as the paper trains both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["PRESETS", "Kernel", "Preset", "theta"]

_LEAST = 1e-6  # of alpha and k, so that the threshold is above 0 and falls whatever training does


class Kernel(NamedTuple):
    """alpha, beta and k of one threshold."""

    alpha: float
    beta: float
    k: float


class Preset(NamedTuple):
    """Table 1 for one data set, and the slots that its latencies stand for.

    Attributes:
        encoding, calibration: of the first and of the second spike.
        slots: S.
    """

    encoding: Kernel
    calibration: Kernel
    slots: int


PRESETS: Mapping[str, Preset] = {
    "cifar10": Preset(Kernel(2.0, -1.0, 0.8), Kernel(1.0, 0.8, 1.0), 6),
    "cifar100": Preset(Kernel(4.5, -1.0, 0.9), Kernel(2.0, -0.5, 1.0), 7),
}


def theta(kernel: Tensor, slots: int) -> Tensor:
    """Return the threshold at each slot, `[..., S]`, of alpha, beta and k `[..., 3]`."""
    alpha, beta, k = (one.unsqueeze(-1) for one in kernel.unbind(-1))
    t = torch.arange(slots, dtype=kernel.dtype, device=kernel.device)
    return alpha.clamp(min=_LEAST) * torch.exp(beta - k.clamp(min=_LEAST) * t)
