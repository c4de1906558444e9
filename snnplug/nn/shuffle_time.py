"""The control of tasks whose time is said to matter: the same frames in another order."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["shuffle_time"]


def shuffle_time(frames: Tensor, seed: int) -> Tensor:
    """Return each sample with its time steps in an order of its own.

    A network that does as well on these as on the others has made no use of their order.

    Args:
        frames: `[N, T, *]`.
        seed: of the permutations; sample n has the same one in any set of at least n + 1 samples.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(frames.shape[:2], generator=generator, dtype=torch.float64).argsort(dim=1, stable=True)
    return torch.stack([sample[steps] for sample, steps in zip(frames, order, strict=True)])
