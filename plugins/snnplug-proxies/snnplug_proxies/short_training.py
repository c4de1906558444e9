"""Short training: the loss on held-out data after a few batches, with its sign turned.

    score = - mean cross-entropy of the readout on validation data, after `steps` batches of AdamW

The early learning curve as a predictor of the final accuracy is as old as architecture search; Ru et al.,
NeurIPS 2021, arXiv 2006.04492, measure it, and take the mean training loss, as is done here where there is no
validation data. The loss of the recipe is not asked: a cross-entropy of its readout is minimised.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from snnplug import Candidate, Score, derive_seed
from snnplug.nn import seeded

__all__ = ["ShortTraining"]

_JUDGED = 0.2  # the last part of the batches, whose loss counts where nothing is held out


class ShortTraining:
    """Minus the validation loss after a short training of new weights; higher is better.

    Its part is the `accuracy` there. Without validation data both are those of the last fifth of the training
    batches, before each was learned.

    Args:
        steps: batches that it is trained on, the same for every candidate.
        batch_size: samples in each.
        lr: learning rate of AdamW.
        weight_decay: of AdamW.
        held_out: validation samples, drawn once; 0 for all.

    Raises:
        ValueError: a parameter is out of range.
    """

    def __init__(
        self,
        *,
        steps: int = 160,
        batch_size: int = 32,
        lr: float = 5e-3,
        weight_decay: float = 0.05,
        held_out: int = 0,
    ) -> None:
        for name, value in (("steps", steps), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if not 0 < lr < math.inf:
            raise ValueError(f"lr must be greater than 0, got {lr}")
        for name, number in (("weight_decay", weight_decay), ("held_out", held_out)):
            if not 0 <= number < math.inf:
                raise ValueError(f"{name} must be at least 0, got {number}")
        self.steps, self.batch_size, self.held_out = steps, batch_size, held_out
        self.lr, self.weight_decay = lr, weight_decay

    def __call__(self, candidate: Candidate) -> Score:
        """Return the score and what it is made of."""
        model = candidate.build().train()
        with torch.enable_grad(), seeded(derive_seed(candidate.seed, "short training")):
            learned = self._train(candidate, model)
        loss, right = self._judge(candidate, model) if candidate.held_out_samples else learned
        return Score(-loss, {"accuracy": right})

    def _train(self, candidate: Candidate, model: nn.Module) -> tuple[float, float]:
        """Train, and return loss and accuracy of the last batches as each of them was met."""
        optimizer = torch.optim.AdamW(model.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        losses: list[float] = []
        rights: list[float] = []
        for step in range(self.steps):
            x, target = candidate.batch(step, self.batch_size)
            scores = candidate.readout(model(x))
            loss = F.cross_entropy(scores, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
            rights.append(float((scores.argmax(1) == target).float().mean()))
        last = max(1, round(_JUDGED * self.steps))
        return sum(losses[-last:]) / last, sum(rights[-last:]) / last

    @torch.no_grad()
    def _judge(self, candidate: Candidate, model: nn.Module) -> tuple[float, float]:
        """Return loss and accuracy on validation data."""
        model.eval()
        count = min(self.held_out or candidate.held_out_samples, candidate.held_out_samples)
        size = min(count, 256)
        loss, right, seen = 0.0, 0, 0
        for index in range(math.ceil(count / size)):
            x, target = candidate.held_out(index, size)
            x, target = x[:, : count - seen], target[: count - seen]
            scores = candidate.readout(model(x))
            loss += float(F.cross_entropy(scores, target, reduction="sum"))
            right += int((scores.argmax(1) == target).sum())
            seen += len(target)
        return loss / seen, right / seen
