"""Network, encoder and loss as one module that takes samples and returns class scores, for any training loop.

    classifier = Classifier(network, encoder, loss)
    scores = classifier(values)                                # [B, *] to [B, K]
    found = classifier(values, labels=labels)                  # {"loss": ..., "logits": [B, K]}

A LightningModule calls it in `training_step`; a Trainer of Hugging Face finds "loss" and "logits".
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn.encoder import Encoder
from snnplug.nn.loss import Loss

__all__ = ["Classifier"]


class Classifier(nn.Module):
    """A network with what belongs before and behind it.

    Args:
        network: `[T, B, *]` to `[T, B, K]`.
        encoder: values `[B, *]` to `[T, B, *]`; None where values come encoded.
        loss: gives the loss, and reads the scores from the outputs; without one they are means over time.

    Its random encoders draw from a generator of their own, seeded by torch's global one.
    """

    def __init__(self, network: nn.Module, encoder: Encoder | None = None, loss: Loss | None = None) -> None:
        super().__init__()
        self.network, self.encoder, self.loss = network, encoder, loss

    def outputs(self, values: Tensor) -> Tensor:
        """Return the outputs of the network, `[T, B, K]`."""
        if self.encoder is not None:
            seed = int(torch.randint(2**62, ()))
            values = self.encoder(values, torch.Generator().manual_seed(seed))
        found: Tensor = self.network(values)
        return found

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Any:
        """Return class scores `[B, K]`; with labels `[B]` the mapping of "loss" and "logits".

        Raises:
            ContractError: labels are given, and there is no loss.
        """
        outputs = self.outputs(values)
        scores = outputs.mean(0) if self.loss is None else self.loss.readout(outputs)
        if labels is None:
            return scores
        if self.loss is None:
            raise ContractError("labels were given to a Classifier without a loss; give it one")
        return {"loss": self.loss(outputs, labels), "logits": scores}
