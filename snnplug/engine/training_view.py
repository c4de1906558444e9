"""What the callbacks of a training see of it."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from snnplug.engine.data import order, read_samples
from snnplug.engine.parts import Parts
from snnplug.engine.train_section import TrainSection
from snnplug.nn import Training, seeded
from snnplug.seeds import derive_seed

__all__ = ["training_view"]


def training_view(
    parts: Parts,
    section: TrainSection,
    stage: str,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    leads: bool,
    steps_per_epoch: int,
    epochs: int,
    steps: int,
) -> Training:
    """Return a training as it stands.

    Args:
        parts, section, stage: what it is.
        network, optimizer: that are at work.
        leads: whether this process is the first.
        steps_per_epoch: of the optimizer.
        epochs, steps: how many epochs are done, and steps of the one under way.
    """
    return Training(
        network=network,
        optimizer=optimizer,
        stage=stage,
        epochs=section.epochs,
        steps_per_epoch=steps_per_epoch,
        epoch=epochs,
        step=epochs * steps_per_epoch + steps,
        leads=leads,
        readout=parts.readout,
        samples=partial(_held_out, parts),
    )


def _held_out(parts: Parts, count: int) -> tuple[Tensor, Tensor]:
    """Return samples that are not trained on, where there are such, encoded and with their labels."""
    splits = parts.splits
    split = splits.val if splits.val is not None and len(splits.val) else splits.train
    with seeded(derive_seed(parts.seed, "callback samples")):  # a split may augment
        values, labels = read_samples(split, order(min(count, len(split))), parts.fit)
        return parts.encode(values, "callback samples"), labels.to(parts.device)
