"""The scale of a code from what an ANN's layer computes: what the greatest value that it sends should be.

    max          the greatest potential
    percentile   the p-th percentile of the positive potentials, p = 99.9        (data normalisation)
    mse          of max (1 - 0.01 i), i = 0, ..., 94, the one of least mean squared error to the ReLU

Maximum and percentile: Rueckauer et al., Frontiers in Neuroscience 2017, doi:10.3389/fnins.2017.00682. There
weights are divided by the scale of their output and multiplied by that of their input; here a spike carries
the scale, which is the same for all that a linear layer behind can tell. The search: Li et al., "A Free Lunch
From ANN", ICML 2021, arXiv:2106.06984.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from snnplug.nn import quantiles

__all__ = ["NORMS", "Norm", "least_squares", "percentile_of", "rows_of", "scale_of", "uniform"]

Norm = Literal["percentile", "max", "mse"]
NORMS = ("percentile", "max", "mse")

_CANDIDATES = 95
_POINTS = 1 << 16  # so many that the few largest are among them, which cost most


def uniform(v: Tensor, theta: Tensor, *, levels: int, top: int, half: bool) -> Tensor:
    """Return the nearest, or the next lower, of the values n theta / levels with n = 0, ..., top."""
    n = (v * (levels / theta) + 0.5 * half).floor().clamp(0, top)
    return n * (theta / levels)


def rows_of(samples: Tensor, *, per_channel: bool) -> Tensor:
    """Return potentials `[n, C, *]` as `[C, m]`, or as one row `[1, m]`."""
    return samples.transpose(0, 1).flatten(1) if per_channel and samples.ndim > 1 else samples.reshape(1, -1)


def percentile_of(rows: Tensor, percentile: float) -> Tensor:
    """Return a percentile of the positive numbers of each row, linear between neighbours; 0 without any."""
    ordered = rows.sort(-1).values
    positive = (rows > 0).sum(-1).double()
    place = rows.shape[-1] - positive + (positive - 1).clamp(min=0) * (percentile / 100)
    place = place.clamp(max=rows.shape[-1] - 1).unsqueeze(-1)
    low, high = (ordered.gather(-1, end.long()) for end in (place.floor(), place.ceil()))
    return (low + (high - low) * (place - place.floor())).squeeze(-1).to(rows.dtype).relu()


def least_squares(rows: Tensor, value: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Return for each row the candidate scale whose values are nearest to the ReLU in the mean square.

    Args:
        rows: potentials `[G, m]`.
        value: what a code makes of potentials `[G, m]` at the scales `[G, 1]`.
    """
    points, top = quantiles(rows.relu(), _POINTS), rows.amax(-1)
    best, least = top, torch.full_like(top, torch.inf)
    for i in range(_CANDIDATES):
        scale = top * (1 - 0.01 * i)
        error = (value(points, scale.unsqueeze(-1)) - points).square().mean(-1)
        best, least = torch.where(error < least, scale, best), torch.minimum(error, least)
    return best


def scale_of(
    samples: Tensor,
    *,
    norm: Norm,
    percentile: float,
    per_channel: bool,
    levels: int = 1,
    top: int | None = None,
    half: bool = False,
) -> Tensor:
    """Return the scale of a layer, `[]`, or of each channel, `[C]`; 1 where nothing is ever positive.

    Args:
        samples: potentials `[n, C, *]`.
        norm, percentile: which.
        per_channel: one for each.
        levels, top, half: the values of the code, for the search; see `uniform`. None: as many as levels.
    """
    rows = rows_of(samples.detach(), per_channel=per_channel)
    if norm == "mse":
        code = partial(uniform, levels=levels, top=levels if top is None else top, half=half)
        found = least_squares(rows, code)
    else:
        found = rows.amax(-1) if norm == "max" else percentile_of(rows, percentile)
    found = torch.where(found > 0, found, 1.0)
    return found if per_channel else found[0]
