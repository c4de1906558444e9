"""Losses on a sequence of outputs, each with the readout that belongs to it."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from snnplug.contracts.ranges import ChecksRanges

__all__ = ["Loss"]


class Loss(nn.Module, ChecksRanges):
    """A loss `[T, B, K], [B] -> scalar` and the class scores it means.

    Prediction always goes through `readout`: a network trained on its last step is
    useless at the mean over steps. Built as `target(*, ...)`; ranges in the types of its
    parameters are checked.
    """

    def __init__(self) -> None:  # nn.Module's own takes any argument and would hide a misspelled one
        super().__init__()

    @abstractmethod
    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the loss, a scalar averaged over the batch.

        Args:
            outputs: `[T, B, K]`.
            target: class indices `[B]`, or class probabilities `[B, K]`.
        """

    def watch(self, model: nn.Module) -> None:
        """Begin to see what else the loss needs of the network that is trained, such as its spikes.

        The engine calls it once before training; see `snnplug.nn.watch_spikes`. By default the
        outputs are all that a loss needs.
        """

    def unwatch(self) -> None:
        """End what `watch` began, so that the network can be copied; called after training."""

    def readout(self, outputs: Tensor) -> Tensor:
        """Return class scores `[B, K]`, the mean over time unless the loss says otherwise."""
        return outputs.mean(0)
