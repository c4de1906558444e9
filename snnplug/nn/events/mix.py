"""Two samples in one, and their labels: a sample x1 gets the events of another one, x2, where a mask m is.

    x = (1 - m) x1 + m x2          y = lam y1 + (1 - lam) y2

| mix | mask | source |
|---|---|---|
| event_mix | of any shape in space and time, where random Gaussians are highest | Shen, Zhao, Zeng 2023 |
| cutmix | a box in space, at all time steps | Yun et al., ICCV 2019, arXiv:1905.04899 |
| mixup | a number, so that no event stays whole | Zhang et al., ICLR 2018, arXiv:1710.09412 |

EventMix: "EventMix: An efficient data augmentation strategy for event-based learning", Information Sciences
644, 2023, arXiv:2205.12054. What the share lam of a label follows:

| labels | 1 - lam | with |
|---|---|---|
| volume | the mask's part of all places | |
| count | r2 / (1 - r1 + r2) | r the part of its own events that each has in the mask |
| distance | s1^2 / (s1^2 + s2^2) | s the mean squared difference to each, after a mean over 3 x 3 pixels |

Where a sample has no event, the volume decides. What differs from the published code: partners are a
permutation of the batch, and its salt-and-pepper noise of 0.1 is left out.
"""

from __future__ import annotations

from typing import Literal

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["CutMix", "EventMix", "MixUp"]

Labels = Literal["count", "distance", "volume"]


@attrs.frozen
class EventMix:
    """Mixes by a mask of any shape in space and time.

    Attributes:
        classes: number of classes K.
        alpha: the mask's part of the volume is drawn from Beta(alpha, alpha).
        labels: what the shares of labels follow.
        prob: probability that a sample is mixed.
        gaussians: least and greatest number of Gaussians.
    """

    classes: int
    alpha: float = 1.0
    labels: Labels = "count"
    prob: float = 1.0
    gaussians: tuple[int, int] = (2, 4)

    def __call__(self, values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Map `[B, T, *, H, W]` and `[B]` to values of the same shape and probabilities `[B, K]`."""
        B = len(values)
        share = _beta(self.alpha, B)
        density = self._density(B, (values.shape[1], *values.shape[-2:])).flatten(1)
        volume = density.shape[1]
        masks = torch.zeros_like(density, dtype=torch.bool)
        for mask, place, part in zip(masks, density, share.tolist(), strict=True):
            if chosen := round(part * volume):
                mask[place.topk(chosen, sorted=False).indices] = True
        T, (H, W) = values.shape[1], values.shape[-2:]
        mask = masks.view(B, T, *[1] * (values.ndim - 4), H, W)
        return _masked(values, labels, mask, self.classes, self.labels, self.prob)

    def _density(self, B: int, sizes: tuple[int, int, int]) -> Tensor:
        """Return the mixture of Gaussians `[B, T, H, W]`."""
        least, most = self.gaussians
        number = torch.randint(least, most + 1, (B, 1))
        weight = torch.rand(B, most) * (torch.arange(most) < number)
        bells = []
        for size in sizes:
            centre = torch.randint(size, (B, most, 1))
            width = torch.rand(B, most, 1).clamp(min=0.1) * size / 2
            bells.append((-(((torch.arange(size) - centre) / width) ** 2) / 2).exp())
        return torch.einsum("bn,bnt,bnh,bnw->bthw", weight, *bells)


@attrs.frozen
class CutMix:
    """Mixes by a box in space, cut off at the frame's border; each sample has its own.

    Attributes:
        classes: number of classes K.
        alpha: the box's part of the area, before it is cut off, is drawn from Beta(alpha, alpha).
        labels: what the shares of labels follow.
        prob: probability that a sample is mixed.
    """

    classes: int
    alpha: float = 1.0
    labels: Labels = "volume"
    prob: float = 1.0

    def __call__(self, values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Map `[B, T, *, H, W]` and `[B]` to values of the same shape and probabilities `[B, K]`."""
        B, H, W = len(values), *values.shape[-2:]
        side = _beta(self.alpha, B).sqrt().unsqueeze(1)
        inside = []
        for size in (H, W):
            half, centre = (side * size / 2).floor(), torch.randint(size, (B, 1))
            place = torch.arange(size)
            inside.append((place >= centre - half) & (place < centre + half))
        box = inside[0].unsqueeze(2) & inside[1].unsqueeze(1)
        mask = box.view(B, *[1] * (values.ndim - 3), H, W)
        return _masked(values, labels, mask, self.classes, self.labels, self.prob)


@attrs.frozen
class MixUp:
    """Weighted sums of two samples; counts become fractions.

    Attributes:
        classes: number of classes K.
        alpha: the other one's weight is drawn from Beta(alpha, alpha).
        prob: probability that a sample is mixed.
    """

    classes: int
    alpha: float = 1.0
    prob: float = 1.0

    def __call__(self, values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Map `[B, *]` and `[B]` to values of the same shape and probabilities `[B, K]`."""
        B = len(values)
        other = torch.randperm(B)
        share = (_beta(self.alpha, B) * (torch.rand(B) < self.prob)).to(values)
        weight = share.view(B, *[1] * (values.ndim - 1))
        mixed = values + weight * (values[other.to(values.device)] - values)
        return mixed, _probabilities(labels, other, share, self.classes)


def _masked(
    values: Tensor, labels: Tensor, mask: Tensor, classes: int, by: Labels, prob: float
) -> tuple[Tensor, Tensor]:
    """Put the events of a partner where the mask is."""
    B = len(values)
    other = torch.randperm(B)
    chosen = torch.rand(B) < prob
    mask = (mask & chosen.view(B, *[1] * (mask.ndim - 1))).to(values.device)
    partner = values[other.to(values.device)]
    mixed = torch.where(mask, partner, values)
    share = mask.flatten(1).float().mean(1)
    if by == "count":
        share = _count_share(values, partner, mask, share)
    elif by == "distance":
        share = _distance_share(values, partner, mixed, share)
    return mixed, _probabilities(labels, other, share, classes)


def _count_share(own: Tensor, partner: Tensor, mask: Tensor, otherwise: Tensor) -> Tensor:
    """Return the partner's share of labels `[B]`: the part of its events in the mixture."""
    own_all, partner_all = own.flatten(1).sum(1), partner.flatten(1).sum(1)
    kept = 1 - (own * mask).flatten(1).sum(1) / own_all
    taken = (partner * mask).flatten(1).sum(1) / partner_all
    share = taken / (kept + taken)
    return torch.where(share.isfinite(), share, otherwise)


def _distance_share(own: Tensor, partner: Tensor, mixed: Tensor, otherwise: Tensor) -> Tensor:
    def distance(other: Tensor) -> Tensor:
        difference = (mixed - other).flatten(1, -3)
        return F.avg_pool2d(difference, 3, stride=1, padding=1).square().flatten(1).mean(1)

    to_own, to_partner = distance(own).square(), distance(partner).square()
    share = to_own / (to_own + to_partner)
    return torch.where(share.isfinite(), share, otherwise)


def _beta(alpha: float, count: int) -> Tensor:
    return torch.distributions.Beta(torch.tensor(alpha), torch.tensor(alpha)).sample((count,))


def _probabilities(labels: Tensor, other: Tensor, share: Tensor, classes: int) -> Tensor:
    """Return `(1 - share) y1 + share y2`, `[B, K]`."""
    one_hot = F.one_hot(labels, classes).to(share.dtype)
    return torch.lerp(one_hot, one_hot[other.to(labels.device)], share.to(labels.device).unsqueeze(1))
