"""Predictors of accuracy side by side: what a benchmark itself tells, and scores.

Every number is about the order in which a search would see the networks: of a score that is better when
lower, the sign is changed. Only networks with a genotype count: one without a path from input to output
is no candidate. NaN is no score; the networks that have one are counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from snnplug.contracts import TrainedNetwork
from snnplug.statistics.ranking import estimate_rho, estimate_tau, regret, top_overlap

__all__ = ["Predictor", "early_epochs", "figures", "layer_groups", "table_predictors", "trainable", "unique"]

EPOCHS = (1, 5, 10, 20, 40, 60)


@attrs.frozen(kw_only=True)
class Predictor:
    """A number for each of some networks.

    Attributes:
        name: what it is.
        values: one a network; NaN for none.
        sign: 1 if higher is meant to be better, else -1.
        kind: "scorer", "baseline", "part" for what a score is made of, or "table" for what the benchmark
            itself tells.
        per_second: candidates per second, by the median time of one; NaN where it costs nothing.
    """

    name: str
    values: tuple[float, ...]
    sign: float = 1.0
    kind: str = "table"
    per_second: float = math.nan


def trainable(networks: Iterable[TrainedNetwork]) -> list[TrainedNetwork]:
    """Return the networks that have a genotype."""
    return [network for network in networks if network.genotype is not None]


def unique(networks: Iterable[TrainedNetwork]) -> list[TrainedNetwork]:
    """Return the first network of each function."""
    found: dict[str, TrainedNetwork] = {}
    for network in trainable(networks):
        found.setdefault(network.key, network)
    return list(found.values())


def table_predictors(networks: Sequence[TrainedNetwork]) -> list[Predictor]:
    """Return parameters and spiking layers as the benchmark has them, where it has them for all."""
    return [
        Predictor(
            name=f"{name.replace('_', ' ')} of the table", values=tuple(n.facts[name] for n in networks)
        )
        for name in ("parameters", "spiking_layers")
        if networks and all(name in n.facts for n in networks)
    ]


def early_epochs(networks: Sequence[TrainedNetwork]) -> list[Predictor]:
    """Return validation accuracies early in training; the last is of the shortest training."""
    last = min((len(network.epochs) for network in networks), default=0)
    epochs = [epoch for epoch in EPOCHS if epoch < last] + ([last] if last else [])
    return [
        Predictor(
            name=f"validation accuracy, epoch {epoch}", values=tuple(n.epochs[epoch - 1] for n in networks)
        )
        for epoch in epochs
    ]


def layer_groups(
    networks: Sequence[TrainedNetwork], predictors: Iterable[Predictor] = ()
) -> Sequence[float] | None:
    """Return each network's number of spiking layers, by the table or by a score of that name."""
    if all("spiking_layers" in network.facts for network in networks):
        return [network.facts["spiking_layers"] for network in networks]
    return next((p.values for p in predictors if p.name == "spiking_layers"), None)


def figures(
    predictor: Predictor,
    networks: Sequence[TrainedNetwork],
    groups: Sequence[float] | None = None,
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Return how well a predictor does.

    Args:
        predictor: one value for each network.
        networks: with their accuracies.
        groups: numbers of spiking layers, among equals of which tau is also computed.
        seed: of the bootstrap.

    Returns:
        `tau`, `rho` and `tau_equal_layers` as `Estimate` or None, `top_overlap` in [0, 1], `regret` as a
        difference of accuracies in [0, 1], and the number of `networks` that count.
    """
    kept = [i for i, value in enumerate(predictor.values) if not math.isnan(value)]
    record: dict[str, Any] = {"predictor": predictor.name, "kind": predictor.kind, "networks": len(kept)}
    if len(kept) < 2:
        empty = ("tau", "rho", "tau_equal_layers", "top_overlap", "regret")
        return {**record, **dict.fromkeys(empty), "per_second": predictor.per_second}
    x = [predictor.sign * predictor.values[i] for i in kept]
    y = [networks[i].accuracy for i in kept]
    equal = [groups[i] for i in kept] if groups is not None else None
    return {
        **record,
        "tau": estimate_tau(x, y, seed=seed),
        "rho": estimate_rho(x, y, seed=seed),
        "tau_equal_layers": None if equal is None else estimate_tau(x, y, equal, seed=seed),
        "top_overlap": top_overlap(x, y),
        "regret": regret(x, y),
        "per_second": predictor.per_second,
    }
