"""Benchmarks: networks whose accuracy after training is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from snnplug.contracts.search import Genotype

__all__ = ["Benchmark", "TrainedNetwork"]


@attrs.frozen(kw_only=True)
class TrainedNetwork:
    """A network whose accuracy after training is known.

    Attributes:
        id: its name in the benchmark.
        genotype: plain JSON, as the benchmark's search space takes it; None for a network that
            no search would build, such as one without a path from input to output.
        key: equal for networks that compute the same function.
        accuracy: after training, in [0, 1]: of test data, where it was measured.
        epochs: validation accuracy after each epoch of training, in [0, 1]; may be empty.
        facts: what else is known, numbers by name: "parameters", "spiking_layers", "seconds".
        losses: of the training data after each epoch; may be empty.
        structure: what stands at each place of the architecture, in a form that is equal for equal keys, by
            which networks are compared whose losses differ; as many places for each network, or empty.
    """

    id: str
    genotype: Genotype
    key: str
    accuracy: float
    epochs: tuple[float, ...] = ()
    facts: Mapping[str, float] = attrs.field(factory=dict)
    losses: tuple[float, ...] = ()
    structure: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Benchmark:
    """Networks with their accuracies, and how to build them.

    Attributes:
        networks: in an order that does not change.
        recipe: tables of a recipe, `search.space` among them, that builds the networks; a user's
            recipe goes before it.
        note: one line: what is there.
    """

    networks: tuple[TrainedNetwork, ...]
    recipe: Mapping[str, Any] = attrs.field(factory=dict)
    note: str = ""
