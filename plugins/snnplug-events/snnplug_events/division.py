"""Division of recordings class by class; a seed decides, or their order."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["first_of_each_class", "share_of_each_class"]


def first_of_each_class(labels: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the indices of the first `count` samples of each class, and of the others, both ascending."""
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label in sorted(set(labels.tolist())):
        chosen[(labels == label).nonzero().flatten()[:count]] = True
    return chosen.nonzero().flatten(), (~chosen).nonzero().flatten()


def share_of_each_class(labels: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Return the indices of a random share of each class, and of the others, both ascending.

    Args:
        labels: class indices `[N]`.
        share: in [0, 1), rounded to whole samples in each class.
        seed: of the choice.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label in sorted(set(labels.tolist())):
        members = (labels == label).nonzero().flatten()
        order = torch.randperm(len(members), generator=generator)
        chosen[members[order[: round(len(members) * share)]]] = True
    return chosen.nonzero().flatten(), (~chosen).nonzero().flatten()
