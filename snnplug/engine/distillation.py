"""Distillation: a network is trained to say what another says, beside what is right.

    loss + weight KL(softmax of the teacher's scores || softmax of the network's)

G. Hinton, O. Vinyals and J. Dean, Distilling the knowledge in a neural network, arXiv:1503.02531, with the
temperature 1. What differs: there the terms are averaged, here the loss keeps its weight of 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug.engine.parts import Parts
from snnplug.engine.stage import Restored
from snnplug.engine.tuning import FrozenStatistics
from snnplug.nn.mode import evaluating

__all__ = ["Distillation"]


class Distillation(FrozenStatistics):
    """Tuning with a teacher.

    Args:
        model: what is tuned.
        parts: of it.
        teacher: a trained network of the same task, with an encoder of its own.
        weight: of the divergence from what it says.
    """

    def __init__(self, model: nn.Module, parts: Parts, teacher: Restored, weight: float) -> None:
        super().__init__(model)
        self.parts, self.teacher, self.weight = parts, teacher, weight

    def more_loss(self, values: Tensor, outputs: Tensor, *purpose: object) -> Tensor:
        """Return the weighted divergence, in nats, the mean of the batch."""
        parts, network = self.teacher.parts, self.teacher.network
        with torch.no_grad(), evaluating(network):
            wanted = parts.readout(parts.calls.network(network, parts.encode(values, *purpose)))
        said = self.parts.readout(outputs)
        teacher, student = (scores.float().log_softmax(1) for scores in (wanted, said))
        return self.weight * F.kl_div(student, teacher, log_target=True, reduction="batchmean")
