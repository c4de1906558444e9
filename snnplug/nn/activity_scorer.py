"""Scores that read one number from what an untrained network does on one batch.

Counted by `snnplug.nn.record` in training mode without gradients: batch norm takes the statistics
of the batch, since the running ones of an untrained network say nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

import torch
from annotated_types import Ge

from snnplug.contracts import Activity, Candidate
from snnplug.contracts.ranges import ChecksRanges
from snnplug.nn.record import record
from snnplug.nn.seeding import seeded
from snnplug.seeds import derive_seed

__all__ = ["ActivityScorer"]


class ActivityScorer(ChecksRanges):
    """Base of scorers of the recorded activity of one batch; a subclass writes `read`.

    Args:
        batch_size: samples in the batch.

    Raises:
        ValueError: `batch_size` is less than 1.
    """

    def __init__(self, *, batch_size: Annotated[int, Ge(1)] = 64) -> None:
        self.batch_size = batch_size

    @abstractmethod
    def read(self, activity: Activity) -> float:
        """Return the number."""

    def __call__(self, candidate: Candidate) -> float:
        """Return the number for a candidate."""
        model = candidate.build().train()
        x, _ = candidate.batch(0, self.batch_size)
        with torch.no_grad(), seeded(derive_seed(candidate.seed, 0)), record(model) as activity:
            model(x)
        return float(self.read(activity))
