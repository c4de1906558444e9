"""Thresholds from what an ANN's layer sends: the least mean squared error on a grid, which then gets finer.

    theta_e(0) + theta_c(0) = clip        the greatest value
    theta_e(0) = share * clip
    k_e, k_c                              how fast they fall

Of alpha and beta only alpha exp(beta) matters, so beta stays 0 here.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from snnplug.nn import Code, quantiles, squared_errors

__all__ = ["fit", "scale_channels"]

_CLIPS, _SHARES, _FALLS = (0.3, 0.45, 0.6, 0.8, 1.0), (0.3, 0.5, 0.65, 0.8), (0.25, 0.4, 0.6, 0.9, 1.3)
_ROUNDS = 5  # each halves the steps
_SCALES = 33
_AT_ONCE = 64  # channels whose errors are computed together

Table = Callable[..., Code]


def fit(table: Table, thresholds: int, samples: Tensor) -> list[Tensor]:
    """Return alpha, beta and k `[3]` of one or two thresholds for a whole layer.

    Args:
        table: the code of thresholds `[G, 3]` each.
        thresholds: how many.
        samples: potentials, of any shape.
    """
    points = quantiles(samples[samples > 0].double())
    if not len(points):  # a layer that never sends anything
        return [torch.tensor([1.0, 0.0, 1.0])] * thresholds
    top = float(points[-1])
    rows = (
        product(_CLIPS, _SHARES, _FALLS, _FALLS)
        if thresholds == 2
        else product(_CLIPS, (1.0,), _FALLS, (1.0,))
    )
    grid = torch.tensor(list(rows), dtype=torch.float64)
    step = torch.tensor([1.25, 1.2, 1.35, 1.35], dtype=torch.float64)
    best = grid[_errors(table, thresholds, grid, top, points).argmin()]
    moves = torch.tensor(list(product((-1, 0, 1), repeat=4)), dtype=torch.float64)
    for _ in range(_ROUNDS):
        grid = best * step**moves
        grid[:, 1].clamp_(max=0.98 if thresholds == 2 else 1.0)
        best = grid[_errors(table, thresholds, grid, top, points).argmin()]
        step = step.sqrt()
    return [one[0].to(samples.dtype) for one in _kernels(best.unsqueeze(0), thresholds, top)]


def scale_channels(table: Table, kernels: list[Tensor], samples: Tensor) -> list[Tensor]:
    """Return thresholds `[C, 3]`: those of the layer, scaled for each channel by itself.

    Args:
        table: the code of thresholds `[G, 3]` each.
        kernels: those of the layer, `[3]` each.
        samples: potentials `[n, C, *]`.
    """
    points = quantiles(samples.transpose(0, 1).flatten(1).relu().double(), 512)
    top = points[:, -1:]
    usual = float(sum(kernel[0] * kernel[1].exp() for kernel in kernels))
    scales = (top / usual) * torch.logspace(-1.0, 0.3, _SCALES, dtype=torch.float64)
    scales = torch.where(top > 0, scales, 1.0)
    best = _best(table, kernels, scales, points)
    finer = best.unsqueeze(1) * torch.logspace(-0.04, 0.04, _SCALES, dtype=torch.float64)
    best = _best(table, kernels, finer, points).to(samples.dtype)
    return [_scaled(kernel.to(best), best) for kernel in kernels]


def _best(table: Table, kernels: list[Tensor], scales: Tensor, points: Tensor) -> Tensor:
    """Return which of the scales `[C, G]` of each channel has the least error over its points `[C, n]`."""
    found = []
    for scale, own in zip(scales.split(_AT_ONCE), points.split(_AT_ONCE), strict=True):
        tables = [_scaled(kernel.double(), scale) for kernel in kernels]
        errors = squared_errors(table(*tables), own.unsqueeze(1).expand(-1, scale.shape[1], -1))
        found.append(scale.gather(1, errors.argmin(1, keepdim=True)))
    return torch.cat(found)[:, 0]


def _scaled(kernel: Tensor, scale: Tensor) -> Tensor:
    rows = kernel.expand(*scale.shape, 3).clone()
    rows[..., 0] *= scale
    return rows


def _errors(table: Table, thresholds: int, grid: Tensor, top: float, points: Tensor) -> Tensor:
    return squared_errors(table(*_kernels(grid, thresholds, top)), points)


def _kernels(grid: Tensor, thresholds: int, top: float) -> list[Tensor]:
    clip, share, fall, second = grid.unbind(-1)
    none = torch.zeros_like(clip)
    kernels = [
        torch.stack([top * clip * share, none, fall], -1),
        torch.stack([top * clip * (1 - share), none, second], -1),
    ]
    return kernels[:thresholds]
