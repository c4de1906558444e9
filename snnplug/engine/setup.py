"""What every stage shares: data, encoder, loss, device, seed and where to write."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor, nn

from snnplug.contracts import Splits, Task
from snnplug.engine.progress import Reporter
from snnplug.errors import ContractError
from snnplug.nn import Encoder, Loss, channels_last, materialize, seeded
from snnplug.recipe.plan import Plan
from snnplug.runs.directory import RunDirectory
from snnplug.seeds import derive_seed

__all__ = ["Setup", "make_setup"]


@attrs.frozen(kw_only=True)
class Setup:
    """The composed parts of a run.

    Attributes:
        plan: resolved recipe.
        splits: data.
        encoder, loss: built, on the device.
        task: what networks are built for: the data's task after encoding.
        fabric: device and precision.
        directory: where results go.
        report: progress.
    """

    plan: Plan
    splits: Splits
    encoder: Encoder
    loss: Loss
    task: Task
    fabric: Any
    directory: RunDirectory
    report: Reporter

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.plan.recipe.seed

    def encode(self, values: Tensor, *purpose: object) -> Tensor:
        """Encode a batch on the device; its randomness depends on the seed and the purpose alone."""
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "encode", *purpose))
        encoded: Tensor = self.encoder(values.to(self.fabric.device, non_blocking=True), generator)
        return encoded

    def build(self, builder: Any, *purpose: object) -> nn.Module:
        """Build a network on the device: seeded, and every parameter with its shape.

        Args:
            builder: called without arguments.
            purpose: what its seed depends on, beside the run's.

        Raises:
            ContractError: it cannot run on the task's input.
        """
        with seeded(derive_seed(self.seed, "weights", *purpose)):
            model: nn.Module = builder().to(self.fabric.device)
            materialize(model, self.sample(2))
        if self.fabric.device.type == "cpu":
            channels_last(model)
        return model.train()

    def sample(self, count: int) -> Tensor:
        """Return an encoded input of zeros, `[T, count, C, H, W]`."""
        values = torch.zeros(count, *self.splits.task.input_shape)
        return self.encode(values, "sample")


def make_setup(plan: Plan, fabric: Any, directory: RunDirectory, report: Reporter) -> Setup:
    """Build data, encoder and loss.

    Raises:
        DataError: the dataset is missing or unreadable.
        ParameterError: a parameter is out of range.
        ContractError: the parts do not fit each other.
    """
    splits = plan.dataset.build()
    if not isinstance(splits, Splits):
        raise ContractError(f"dataset {plan.dataset.qualified} must return snnplug.Splits, got {splits!r}")
    encoder = plan.encoder.build(splits.task)
    loss = plan.loss.build()
    for part, kind in ((encoder, Encoder), (loss, Loss)):
        if not isinstance(part, kind):
            raise ContractError(f"{type(part).__name__} must be a snnplug.nn.{kind.__name__}")
    task = attrs.evolve(splits.task, steps=encoder.steps, input_shape=encoder.output_shape)
    return Setup(
        plan=plan,
        splits=splits,
        encoder=encoder.to(fabric.device),
        loss=loss.to(fabric.device),
        task=task,
        fabric=fabric,
        directory=directory,
        report=report,
    )
