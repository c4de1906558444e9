"""EventDrop: events are left out, those of an interval of time, of an area, or of chance.

Gu, Sng, Hu, Yu, "EventDrop: Data Augmentation for Event-based Learning", IJCAI 2021. Each sample gets one of
four things, each as likely: nothing, or the loss of an interval of 10 % to 90 % of the time, of a box of 5 %
to 25 % of height and width, or of 10 % to 90 % of its events. A sample that would lose all keeps all.

What differs from the published code: it works on frames, so an interval is of whole time steps, those whose
centre lies in it; the box alone is dropped, as the paper says, where the code drops its rows and columns, a
cross; and each event is left out by chance, where the code draws an exact number.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from snnplug.nn.augmentation import Change

__all__ = ["DropArea", "DropEvents", "DropTime", "EventDrop"]

_TENTHS = tuple(k / 10 for k in range(1, 10))
_TWENTIETHS = tuple(k / 20 for k in range(1, 6))


@attrs.frozen
class DropTime:
    """Leaves out the time steps of an interval that begins anywhere.

    Attributes:
        ratios: lengths to draw from, as shares of the duration.
    """

    ratios: tuple[float, ...] = _TENTHS

    def __call__(self, values: Tensor) -> Tensor:
        """Map `[B, T, *]` to the same shape."""
        B, T = values.shape[:2]
        start = torch.rand(B, 1)
        centre = (torch.arange(T) + 0.5) / T
        dropped = (centre >= start) & (centre < start + _drawn(self.ratios, B).unsqueeze(1))
        return _without(values, dropped.view(B, T, *[1] * (values.ndim - 2)))


@attrs.frozen
class DropArea:
    """Leaves out a box around any pixel, at all time steps; what lies outside of the frame is cut off.

    Attributes:
        ratios: heights and widths to draw from, one for both, as shares of the frame's.
    """

    ratios: tuple[float, ...] = _TWENTIETHS

    def __call__(self, values: Tensor) -> Tensor:
        """Map `[B, T, *, H, W]` to the same shape."""
        B, H, W = values.shape[0], *values.shape[-2:]
        ratio = _drawn(self.ratios, B).unsqueeze(1)
        inside = []
        for size in (H, W):
            first = (torch.rand(B, 1) * size - ratio * size / 2).clamp(min=0).floor()
            place = torch.arange(size)
            inside.append((place >= first) & (place < first + ratio * size))
        box = inside[0].unsqueeze(2) & inside[1].unsqueeze(1)
        return _without(values, box.view(B, *[1] * (values.ndim - 3), H, W))


@attrs.frozen
class DropEvents:
    """Leaves out each event with one probability a sample.

    Attributes:
        ratios: probabilities to draw from.
        counts: values are numbers of events, each of which is dropped by itself; else each value is.
    """

    ratios: tuple[float, ...] = _TENTHS
    counts: bool = True

    def __call__(self, values: Tensor) -> Tensor:
        """Map `[B, T, *]` to the same shape."""
        B = len(values)
        kept = (1 - _drawn(self.ratios, B)).view(B, *[1] * (values.ndim - 1))
        if not self.counts:
            return _without(values, torch.rand(values.shape) >= kept)
        left = torch.binomial(values.cpu().float(), kept.expand(values.shape)).to(values)
        return torch.where(_any(left), left, values)


@attrs.frozen
class EventDrop:
    """One of nothing, `DropTime`, `DropArea` and `DropEvents` for each sample, each as likely.

    Attributes:
        counts: see `DropEvents`.
    """

    counts: bool = True

    def __call__(self, values: Tensor) -> Tensor:
        """Map `[B, T, *, H, W]` to the same shape."""
        option = torch.randint(4, (len(values),))
        result = values.clone()
        changes: tuple[Change, ...] = (
            DropTime(),
            DropArea(),
            DropEvents(counts=self.counts),
        )
        for number, change in enumerate(changes, 1):
            chosen = (option == number).nonzero().flatten().to(values.device)
            if len(chosen):
                result[chosen] = change(values[chosen])
        return result


def _drawn(ratios: tuple[float, ...], count: int) -> Tensor:
    return torch.tensor(ratios)[torch.randint(len(ratios), (count,))]


def _without(values: Tensor, dropped: Tensor) -> Tensor:
    left = values.masked_fill(dropped.to(values.device), 0)
    return torch.where(_any(left), left, values)


def _any(values: Tensor) -> Tensor:
    """Return for each sample whether it has an event, `[B, 1, ...]`."""
    return values.flatten(1).any(1).view(-1, *[1] * (values.ndim - 1))
