"""Fitting a code to samples by least squares over many tables at once."""

from __future__ import annotations

import torch
from torch import Tensor

from snnplug.nn.code import Code

__all__ = ["quantiles", "squared_errors"]

_POINTS = 2048  # a histogram of as many equal shares says as much as all samples


def quantiles(samples: Tensor, points: int = _POINTS) -> Tensor:
    """Return at most so many samples that stand for all: the middles of equal shares, ascending.

    Args:
        samples: `[..., n]`; each row by itself.
        points: how many.
    """
    ordered = samples.detach().sort(-1).values
    n = ordered.shape[-1]
    if n <= points:
        return ordered
    return ordered[..., ((torch.arange(points) + 0.5) * (n / points)).long().to(ordered.device)]


def squared_errors(code: Code, samples: Tensor) -> Tensor:
    """Return the mean squared error of each table over samples, against their ReLU.

    Args:
        code: tables with leading axes, `[..., N-1]` and `[..., N, R]`.
        samples: `[n]`, the same for all, or with the same leading axes `[..., n]`.

    Returns:
        Errors `[...]`.
    """
    levels = code.levels
    shared = samples.expand(*levels.shape[:-1], -1).contiguous()
    cases = torch.searchsorted(code.edges.contiguous(), shared, right=True)
    return (levels.gather(-1, cases) - shared.relu()).square().mean(-1)
