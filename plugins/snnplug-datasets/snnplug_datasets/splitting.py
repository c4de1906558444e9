"""Stratified, seeded choice of samples: every class keeps its share."""

from __future__ import annotations

import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

__all__ = ["choose", "count_of", "hold_out"]


def choose(labels: Tensor, count: int, seed: int, name: str) -> tuple[Tensor, Tensor]:
    """Choose samples.

    Args:
        labels: class indices `[N]`.
        count: how many to choose, 0 to N.
        seed: of the choice.
        name: of the parameter that asks for it, for the message.

    Returns:
        Indices of the chosen samples and of the others, both ascending.

    Raises:
        ValueError: there are not so many samples, or too few for all classes to be on both sides.
    """
    everything = torch.arange(len(labels))
    if not 0 <= count <= len(labels):
        raise ValueError(f"{name} must be between 0 and the {len(labels)} samples there are, got {count}")
    if count == 0:
        return everything[:0], everything
    if count == len(labels):
        return everything, everything[:0]
    try:
        chosen, rest = train_test_split(
            everything.numpy(), train_size=count, random_state=seed, stratify=labels.numpy()
        )
    except ValueError as error:
        classes = len(set(labels.tolist()))
        raise ValueError(
            f"{name} takes {count} of {len(labels)} samples, which leaves too few on one side "
            f"for {classes} classes: {error}"
        ) from error
    return torch.from_numpy(chosen).sort().values, torch.from_numpy(rest).sort().values


def count_of(total: int, fraction: float, samples: int | None, name: str) -> int:
    """Return a number of samples given as a fraction, or as a number that goes before it."""
    if samples is not None:
        return samples
    return round(total * fraction)


def hold_out(
    labels: Tensor, fraction: float, samples: int | None, seed: int, name: str
) -> tuple[Tensor, Tensor]:
    """Choose the samples of a split `name`; returns their indices and those of the others."""
    given = f"{name}_fraction" if samples is None else f"{name}_samples"
    return choose(labels, count_of(len(labels), fraction, samples, name), seed, given)
