"""Distillation: the network learns what a trained one says, beside what is right.

    loss + weight tau^2 KL(softmax(z_teacher / tau) || softmax(z / tau))        z: class scores

G. Hinton, O. Vinyals and J. Dean, Distilling the knowledge in a neural network, 2015, arXiv:1503.02531, with
tau^2 as there, so that the temperature does not change how much the term weighs. The teacher is the network
of another run, such as an ANN with one time step: it sees the samples of the batch as they were augmented, by
its own encoder, and its scores are those that its own loss reads out. Both see the same classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Gt
from torch import Tensor

import snnplug
from snnplug.errors import UsageError
from snnplug.nn import Batch, Callback, Training

__all__ = ["Teacher"]


class Teacher(Callback):
    """Add the divergence from what a teacher says to the loss.

    Args:
        run: directory of a finished run, whose network is the teacher.
        weight: of the divergence.
        temperature: tau; above 1 the smaller scores count more.

    Raises:
        snnplug.errors.SnnplugError: there is no finished run.
        ValueError: a number is not positive.
    """

    def __init__(
        self,
        *,
        run: str,
        weight: Annotated[float, Gt(0)] = 1.0,
        temperature: Annotated[float, Gt(0)] = 1.0,
    ) -> None:
        self.run = snnplug.load(Path(run).expanduser())
        if self.run.result is None:
            raise UsageError(f"the teacher in {run} is not finished; run: snnplug run --resume {run}")
        self.weight, self.temperature = weight, temperature
        self.total: Tensor | float = 0.0
        self.samples = 0

    def on_train_start(self, training: Training) -> None:
        """Build the teacher."""
        device = next(training.network.parameters()).device
        self.teacher = self.run.predictor(device.type)

    def more_loss(self, training: Training, batch: Batch) -> Tensor:
        """Return the weighted divergence in nats, the mean of the batch."""
        with torch.no_grad():
            inputs = self.teacher.encode(batch.values)
            wanted = self.teacher.parts.readout(self.teacher.model(inputs))
        said = training.readout(batch.outputs)
        if wanted.shape != said.shape:
            raise ValueError(
                f"the teacher in {self.run.directory} tells {wanted.shape[1]} classes apart, this network "
                f"{said.shape[1]}; take a run on the same data"
            )
        teacher, student = ((scores.float() / self.temperature).log_softmax(1) for scores in (wanted, said))
        divergence = F.kl_div(student, teacher, log_target=True, reduction="batchmean")
        self.total = self.total + divergence.detach() * len(said)  # on the device: no batch waits for it
        self.samples += len(said)
        return self.weight * self.temperature**2 * divergence

    def on_train_epoch_end(self, training: Training) -> Mapping[str, float]:
        """Return the mean divergence of the epoch, in nats."""
        mean = float(self.total) / max(1, self.samples)
        self.total, self.samples = 0.0, 0
        return {"divergence": mean}

    def state_dict(self) -> dict[str, float]:
        """Return the sums of the epoch so far."""
        return {"total": float(self.total), "samples": self.samples}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on with them."""
        self.total, self.samples = state["total"], int(state["samples"])
