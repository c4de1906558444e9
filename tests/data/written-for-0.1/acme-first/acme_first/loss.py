"""Any loss plus a price for each spike of the network that is trained."""

from __future__ import annotations

from snnplug import Component
from snnplug.nn import Loss, watch_spikes
from torch import Tensor, nn


class FirstLoss(Loss):
    """Any loss plus a price for each spike.

    Args:
        base: the loss; its readout is the readout.
        price: of a spike for each sample.
    """

    def __init__(self, *, base: Component, price: float = 1e-4) -> None:
        super().__init__()
        self.base, self.price = base.build(), price
        self.watched, self.spikes = None, []

    def watch(self, model: nn.Module) -> None:
        """Begin to see the spikes of the network."""
        self.watched = watch_spikes(model, lambda name, spikes: self.spikes.append(spikes.sum()))

    def unwatch(self) -> None:
        """Let go of the network."""
        if self.watched is not None:
            self.watched.remove()
        self.watched, self.spikes = None, []

    def readout(self, outputs: Tensor) -> Tensor:
        """Return the base's readout."""
        return self.base.readout(outputs)

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        spikes, self.spikes = self.spikes, []
        return self.base(outputs, target) + self.price * sum(spikes) / outputs.shape[1]
