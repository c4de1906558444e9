"""The kernel of a first-spike code from what an ANN's layer computes.

By the local losses of T2FSNN (GO, gradient-based optimisation), with x the activation over theta0, x^ what is
decoded:

    L_prec = 1/2 (x - x^)^2          tau += 10 mean of (x - x^) x^ (t - t_d) / tau^2 where above 0
    L_min  = 1/2 (x_min - e)^2       tau += 100 (x_min - e) e (S - t_d) / tau^2,   e = exp(-(S - t_d) / tau)
    L_max  = 1/2 (x_max - g)^2       t_d += (x_max - g) g / tau,                   g = exp(t_d / tau)

x_min is the 2nd percentile of all activations, x_max the kernel at the first spike of all. Park et al., DAC
2020, arXiv:2003.11741; the rates 10, 100 and 1, and the mean over positive terms, are those of the published
code. What differs: the code takes a step for each batch; here each of 600 steps sees all samples, by their
quantiles.

By least squares: the kernel of least mean squared error to the ReLU of those whose greatest value is a share
of the greatest potential and whose least value is a fraction of that; t_d is 0, as it only scales theta0.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from snnplug.nn import quantiles

__all__ = ["Kernel", "fit_by_losses", "fit_by_squares"]

_STEPS = 600
_RATE_PRECISION, _RATE_LEAST, _RATE_GREATEST = 10.0, 100.0, 1.0
_LEAST_PERCENTILE = 0.02
_LEAST_TAU = 0.5  # time steps
_SHARES = torch.logspace(0, -1.3, 31, dtype=torch.float64)
_FRACTIONS = torch.logspace(-4, -0.5, 36, dtype=torch.float64)
_POINTS = 1 << 13  # so many that the few largest are among them, which cost most


class Kernel(NamedTuple):
    """theta0, tau and t_d of each row, `[G]`."""

    theta: Tensor
    tau: Tensor
    delay: Tensor


def fit_by_losses(rows: Tensor, begin: Kernel, slots: int) -> Kernel:
    """Return kernels after 600 steps down the local losses.

    Args:
        rows: potentials `[G, m]`.
        begin: theta0, which stays, and where tau and t_d begin.
        slots: time steps S of a window.
    """
    theta, tau, delay = (one.unsqueeze(-1) for one in begin)
    x = quantiles(rows).relu() / theta
    least = x.quantile(_LEAST_PERCENTILE, dim=-1, keepdim=True)
    for _ in range(_STEPS):
        t = first_spike(x, tau, delay)
        fires = t < slots
        sent = torch.exp(-(t - delay) / tau) * fires
        terms = ((x - sent) * sent * (t - delay)).nan_to_num(0.0)
        positive = terms > 0
        precision = (terms * positive).sum(-1, keepdim=True) / positive.sum(-1, keepdim=True).clamp(min=1)
        last = torch.exp(-(slots - delay) / tau)
        lower = (least - last) * last * (slots - delay)
        tau = tau + (_RATE_PRECISION * precision + _RATE_LEAST * lower) / tau.square()
        tau = tau.clamp(min=_LEAST_TAU)

        earliest = first_spike(x, tau, delay).amin(-1, keepdim=True).clamp(max=slots - 1)
        top = torch.exp(delay / tau)
        delay = delay + _RATE_GREATEST * (torch.exp(-(earliest - delay) / tau) - top) * top / tau
    return Kernel(begin.theta, tau.squeeze(-1), delay.squeeze(-1))


def first_spike(x: Tensor, tau: Tensor, delay: Tensor) -> Tensor:
    """Return the first whole time at which exp(-(t - t_d) / tau) is not above x; infinity where x is 0."""
    return (delay - tau * x.log()).ceil().clamp(min=0)


def fit_by_squares(rows: Tensor, slots: int, *, half: bool) -> Kernel:
    """Return the kernels of least mean squared error on a grid.

    Args:
        rows: potentials `[G, m]`.
        slots: time steps S of a window.
        half: thresholds are half-way between values, not at them.
    """
    scale = rows.amax(-1)
    scale = torch.where(scale > 0, scale, 1.0)
    x = (quantiles(rows, _POINTS).relu() / scale.unsqueeze(-1)).contiguous()
    t = torch.arange(slots, dtype=x.dtype, device=x.device)
    best = torch.full_like(scale, torch.inf)
    share, tau = torch.ones_like(scale), torch.ones_like(scale)
    for fraction in _FRACTIONS.tolist():
        constant = max(slots - 1, 1) / -torch.tensor(fraction).log().item()
        falling = torch.exp(-t / constant).flip(0)
        for part in _SHARES.tolist():
            levels = torch.cat([falling.new_zeros(1), part * falling])
            edges = (levels[:-1] + levels[1:]) / 2 if half else levels[1:]
            error = (levels[torch.bucketize(x, edges, right=True)] - x).square().mean(-1)
            better = error < best
            best = torch.where(better, error, best)
            share = torch.where(better, part, share)
            tau = torch.where(better, constant, tau)
    return Kernel(scale * share, tau, torch.zeros_like(scale))
