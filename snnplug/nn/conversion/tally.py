"""The error of a layer, summed up batch by batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from snnplug.contracts.conversion import QUANTILES, ErrorPart, LayerError
from snnplug.nn.conversion.sample import Sample

__all__ = ["Tally", "by_channel"]


def by_channel(x: Tensor) -> Tensor:
    """Return the sum over all axes of `[B, C, *]` but that of the channels, `[C]`."""
    axes = [axis for axis in range(x.ndim) if axis != 1]
    return x.sum(axes, dtype=torch.int64 if x.dtype == torch.bool else torch.float64)


class Tally:
    """Errors of decoded values against activations.

    Args:
        lowest, highest: levels of the code; see `levels_of`.
        sampled: of how many errors quantiles are taken; of all where there are fewer.
        seed: of the choice.
    """

    def __init__(self, lowest: Tensor, highest: Tensor, *, sampled: int, seed: int) -> None:
        self._lowest, self._highest = lowest, highest
        self._sample = Sample(sampled, seed)
        self._channels = torch.zeros((), dtype=torch.float64)
        self._sums = torch.zeros(6, dtype=torch.float64)  # of e, e², a, a², d, d²
        self._product = 0.0
        self._count = 0
        self._parts = {"lower": [0, 0.0], "upper": [0, 0.0], "quantisation": [0, 0.0]}

    def add(self, found: Tensor, activation: Tensor) -> None:
        """Add decoded values and activations, `[B, C, *]`."""
        error = found - activation
        absolute = error.abs()
        self._count += error.numel()
        self._channels = self._channels + by_channel(absolute).cpu()
        columns = (error, activation, found)
        self._sums += torch.stack(
            [total for x in columns for total in (x.sum(dtype=torch.float64), _dot(x, x))]
        ).cpu()
        self._product += float(_dot(activation, found))
        lower = (activation > 0) & (activation < self._lowest)
        upper = activation > self._highest
        for part, where in (
            ("lower", lower),
            ("upper", upper),
            ("quantisation", ~(lower | upper)),
        ):
            self._parts[part][0] += int(where.sum())
            self._parts[part][1] += float((absolute * where).sum(dtype=torch.float64))
        self._sample.add(error.flatten())

    def result(self, worst: int) -> LayerError:
        """Return the error, with so many of the worst channels."""
        n = self._count
        error, squared, a, a2, d, d2 = (self._sums / n).tolist()
        spread = math.sqrt(_variance(a, a2) * _variance(d, d2))
        rms, reference = math.sqrt(squared), math.sqrt(a2)
        channels = self._channels / (n / len(self._channels))
        order = channels.argsort(descending=True, stable=True)[:worst].tolist()
        points = torch.tensor(QUANTILES, dtype=torch.float64, device=self._sample.rows.device)
        return LayerError(
            mean=error,
            absolute=float(self._channels.sum()) / n,
            rms=rms,
            relative=rms / reference if reference else None,
            correlation=(self._product / n - a * d) / spread if spread else None,
            quantiles=tuple(torch.quantile(self._sample.rows.double(), points).tolist()),
            worst=tuple((channel, float(channels[channel])) for channel in order),
            **{name: ErrorPart(int(count), total) for name, (count, total) in self._parts.items()},
        )


def _variance(mean: float, square: float) -> float:
    """Return it, or 0 where nothing is left of it but rounding."""
    variance = square - mean * mean
    return variance if variance > 1e-12 * square else 0.0


def _dot(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sum(dtype=torch.float64)
