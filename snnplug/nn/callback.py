"""Callbacks: what hangs into the loop of a training, and what it sees there.

    class Halved(Callback):
        def on_before_optimizer_step(self, training):
            for parameter in training.network.parameters():
                parameter.grad /= 2

The names are those of Lightning. A callback that `callbacks` of `[train]` names is built once a training.
What it needs to go on after a stop is its `state_dict`: with it a training that was killed ends as one that
was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import attrs
import torch
from torch import Tensor, nn

from snnplug.contracts.ranges import ChecksRanges

__all__ = ["Batch", "Callback", "Training"]


class Batch(NamedTuple):
    """A batch of a training, once it has passed the network.

    Attributes:
        values: as the data set gives them: `[B, C, H, W]`, or events `[B, T, C, H, W]`.
        targets: class indices `[B]`, or class probabilities `[B, K]` where samples are mixed.
        inputs: the values as they were encoded, `[T, B, *]`, on the device.
        outputs: of the network, `[T, B, K]`, with their gradient.
    """

    values: Tensor
    targets: Tensor
    inputs: Tensor
    outputs: Tensor


@attrs.define(kw_only=True, eq=False)
class Training:
    """A training, as its callbacks see it.

    Attributes:
        network: that is trained, on the device, not wrapped for precision or several processes.
        optimizer: of its parameters.
        stage: which training of the run it is, such as "train".
        epochs: how many the recipe asks for.
        steps_per_epoch: steps of the optimizer in each.
        epoch: the one under way, from 0.
        step: steps of the optimizer that were taken in all epochs so far.
        leads: whether this process is the first of several; all have the same weights.
        readout: outputs `[T, B, K]` to class scores `[B, K]`, as the loss means them.
        samples: the first so many samples that are held out, as input `[T, B, *]` of the network and class
            indices `[B]`; training samples where none are held out. The same in every call.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    stage: str
    epochs: int
    steps_per_epoch: int
    epoch: int = 0
    step: int = 0
    leads: bool = True
    readout: Callable[[Tensor], Tensor]
    samples: Callable[[int], tuple[Tensor, Tensor]]

    @property
    def progress(self) -> float:
        """Share of the training that is done, from 0 to 1."""
        return min(1.0, self.step / max(1, self.epochs * self.steps_per_epoch))


class Callback(ChecksRanges):
    """Base of callbacks: every method does nothing until it is overridden.

    It is built with its own parameters alone, whose ranges in their types are checked. What it draws from
    torch's generators depends on the run's seed. Parameters of the network may be changed in place; none may
    be added, removed or exchanged. With several processes each has a callback of its own, which must do to
    the weights what the others do.
    """

    def on_train_start(self, training: Training) -> None:
        """Begin; where the training goes on, `load_state_dict` came before."""

    def on_train_epoch_start(self, training: Training) -> None:
        """Begin an epoch, or the rest of one."""

    def more_loss(self, training: Training, batch: Batch) -> Tensor | None:
        """Return what is added to the loss of a batch, a scalar averaged over it; None for nothing."""
        return None

    def on_before_optimizer_step(self, training: Training) -> None:
        """See or change the gradients, which are whole, before they are clipped."""

    def on_after_optimizer_step(self, training: Training) -> None:
        """See or change the weights; not called where the step was skipped for an overflow."""

    def weights(self, training: Training) -> Mapping[str, Tensor] | None:
        """Return a state of the network to be judged and kept in place of the one trained, or None."""
        return None

    def on_train_epoch_end(self, training: Training) -> Mapping[str, float]:
        """End an epoch, before its checkpoint, and return finite numbers by name for its line of metrics."""
        return {}

    def on_train_end(self, training: Training) -> None:
        """End the training, once no epoch is left; nothing that is changed here is kept."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: tensors, numbers, texts, lists and dictionaries of these."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint; its tensors are on the CPU."""
