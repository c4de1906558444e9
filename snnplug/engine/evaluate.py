"""Loss and accuracy of a network on a split; prediction goes through the loss's readout."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import nn

from snnplug.engine.data import order
from snnplug.engine.parts import Parts
from snnplug.nn import seeded
from snnplug.seeds import derive_seed

__all__ = ["Evaluation", "evaluate"]


@attrs.frozen
class Evaluation:
    """Mean loss and accuracy over some samples."""

    loss: float
    accuracy: float


@torch.no_grad()
def evaluate(parts: Parts, model: nn.Module, split: Any, name: str, batch_size: int) -> Evaluation | None:
    """Return loss and accuracy of a model in evaluation mode, or None for an absent or empty split."""
    if split is None or not len(split):
        return None
    model.eval()
    loss = correct = torch.zeros((), dtype=torch.float64, device=parts.device)
    with seeded(derive_seed(parts.seed, "evaluate", name)):  # a split may augment
        batches = torch.split(order(len(split)), batch_size)
        for index, (values, labels) in enumerate(parts.batches(split, batches, name)):
            labels = labels.to(parts.device)
            outputs = parts.calls.network(model, parts.encode(values, "evaluate", name, index))
            if parts.loss is not None:
                loss = loss + parts.calls.loss(outputs, labels).double() * len(labels)
            correct = correct + (parts.readout(outputs).argmax(1) == labels).sum()
    return Evaluation(float(loss) / len(split), float(correct) / len(split))
