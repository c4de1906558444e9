"""The course of the learning rate: what every group's rate is multiplied by, epoch after epoch.

It depends on the settings, the number of the epoch and, for "plateau", on the epochs before: there is nothing
to keep in a checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch.optim import Optimizer

from snnplug.engine.train_section import TrainSection
from snnplug.runs.records import Epoch

__all__ = ["Schedule", "learning_rate_factor"]


class Schedule:
    """Sets the learning rates of an optimizer.

    Args:
        section: settings.
        optimizer: new, with the rates that the course begins from.
    """

    def __init__(self, section: TrainSection, optimizer: Optimizer) -> None:
        self.section, self.optimizer = section, optimizer
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.lowest = section.min_lr / float(optimizer.defaults["lr"]) if section.min_lr else section.final_lr

    def set(self, epoch: float, history: Sequence[Epoch]) -> None:
        """Set the rates for an epoch, from 0, or for a moment within one; `history` is of those before."""
        factor = learning_rate_factor(self.section, epoch, history, self.lowest)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor


def learning_rate_factor(
    section: TrainSection, epoch: float, history: Sequence[Epoch] = (), lowest: float | None = None
) -> float:
    """Return what the learning rate is multiplied by in an epoch, counted from 0; between two: within it.

    Args:
        section: settings.
        epoch: which.
        history: the epochs before.
        lowest: the smallest factor after the warm-up; None for the section's `final_lr`.
    """
    lowest = section.final_lr if lowest is None else lowest
    if epoch < section.warmup_epochs:
        return (epoch + 1) / (section.warmup_epochs + 1)
    since = epoch - section.warmup_epochs
    done = since / max(section.epochs - section.warmup_epochs, 1)
    if section.schedule == "cosine":
        down = since / section.period if section.period else done
        return lowest + (1 - lowest) * (1 + math.cos(math.pi * down)) / 2
    if section.schedule == "poly":
        return lowest + (1 - lowest) * math.pow(max(1 - done, 0.0), section.power)
    if section.schedule == "step":
        return max(section.gamma ** _steps(section, epoch), lowest)
    if section.schedule == "plateau":
        return max(section.gamma ** _plateaus(section, history), lowest)
    return 1.0


def _steps(section: TrainSection, epoch: float) -> int:
    """Return how many steps of the rate have come by an epoch."""
    if section.period:
        return int(epoch // section.period)
    share = epoch / section.epochs
    return sum(epoch >= m if m > 1 else share >= m for m in section.milestones)


def _plateaus(section: TrainSection, history: Sequence[Epoch]) -> int:
    """Return how often the accuracy by which epochs are judged has not risen for the epochs of patience."""
    best, waited, found = -math.inf, 0, 0
    for epoch in history[section.warmup_epochs :]:
        judged = -math.inf if epoch.judged is None else epoch.judged
        best, waited = (judged, 0) if judged > best else (best, waited + 1)
        if waited == section.patience:
            waited, found = 0, found + 1
    return found
