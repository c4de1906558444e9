"""Accuracy of the untrained network on one batch, less a little for each spike."""

from __future__ import annotations

import torch
from snnplug import Candidate, Score
from snnplug.nn import record, seeded


class FirstScorer:
    """Accuracy of the untrained network, less a share of its spikes.

    Args:
        batch_size: samples that are looked at.
    """

    def __init__(self, *, batch_size: int = 8) -> None:
        self.batch_size = batch_size

    def __call__(self, candidate: Candidate) -> Score:
        """Return the score with its parts."""
        x, target = candidate.batch(0, self.batch_size)
        rates = []
        model = candidate.build(repeat=1)
        observe = record(model, on_spikes=lambda name, s: rates.append(float(s.mean())))
        with seeded(candidate.seed), torch.no_grad(), observe as activity:
            outputs = model(x)
        accuracy = (candidate.readout(outputs).argmax(1) == target).float().mean().item()
        spikes = activity.spikes_per_sample
        parts = {"accuracy": accuracy, "spikes": spikes, "rate": sum(rates) / max(len(rates), 1)}
        return Score(accuracy - 1e-3 * spikes, parts)
