"""A search that inherits: a tiny space with a supernet, and a scorer of inherited weights."""

from __future__ import annotations

import copy
from typing import Any

import torch
import toys

from snnplug import Candidate, Registry, Score, ScorerSpec, SearchSpaceSpec
from snnplug.nn import count_spikes
from snnplug.testing.candidates import TinySpace


class Inherited:
    """Accuracy on held-out data with inherited weights, and the spikes that it took."""

    def __init__(self, *, batch_size: int = 10) -> None:
        self.batch_size = batch_size

    def __call__(self, candidate: Candidate) -> Score:
        network, right = candidate.inherit(), 0
        with torch.no_grad(), count_spikes(network) as total:
            for index in range(-(-candidate.held_out_samples // self.batch_size)):
                x, target = candidate.held_out(index, self.batch_size)
                right += int((candidate.readout(network(x)).argmax(1) == target).sum())
        n = candidate.held_out_samples
        accuracy, spikes = right / n, total.neurons / n
        relative = spikes / candidate.facts["spikes"]
        return Score(accuracy - 0.01 * relative, {"accuracy": accuracy, "spikes": spikes})


def registry() -> Registry:
    """The toys, the space and the scorer."""
    found = toys.toy_registry()
    found.register(
        SearchSpaceSpec(
            name="tiny", target=TinySpace, summary="Nine networks.", components={"neuron": "neuron"}
        )
    )
    found.register(
        ScorerSpec(name="inherited", target=Inherited, summary="Inherited weights.", inherits=True)
    )
    return found


RECIPE: dict[str, Any] = {
    **copy.deepcopy(toys.RECIPE),
    "search": {
        "space": {"use": "tiny"},
        "strategy": {"use": "toy", "draws": 12},
        "scorer": {"use": "inherited"},
        "round_size": 4,
        "baselines": False,
        "supernet": {"epochs": 3, "batch_size": 8, "paths": 3, "optimizer": {"use": "adam", "lr": 0.02}},
    },
    "train": {"epochs": 2, "batch_size": 8, "optimizer": {"use": "adam", "lr": 0.02}},
}
