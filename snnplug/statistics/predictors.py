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
from snnplug.statistics.choosing import estimate_choice
from snnplug.statistics.ranking import estimate_rho, estimate_tau

__all__ = [
    "Predictor",
    "agreement",
    "early_epochs",
    "figures",
    "layer_groups",
    "table_predictors",
    "told",
    "trainable",
    "unique",
]

EPOCHS = (1, 5, 10, 20, 40, 60)
_MEAN = 5  # epochs


@attrs.frozen(kw_only=True)
class Predictor:
    """A number for each of some networks.

    Attributes:
        name: what it is.
        values: one a network; NaN for none.
        sign: 1 if higher is meant to be better, else -1.
        kind: "scorer", "baseline", "part" for what a score is made of, "table" for what the benchmark
            itself tells, or "chance".
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
    """Return what training for so long would have told; the last epoch is that of the shortest training.

    Validation accuracies of one epoch, their means over five, and training losses, as far as there are any.
    """
    accuracies, losses = [n.epochs for n in networks], [n.losses for n in networks]
    last = min(map(len, accuracies), default=0)
    return [
        *(
            Predictor(
                name=f"validation accuracy, epoch {epoch}", values=tuple(row[epoch - 1] for row in accuracies)
            )
            for epoch in _epochs(last)
        ),
        *(
            Predictor(
                name=f"mean validation accuracy, epochs {epoch - _MEAN + 1} to {epoch}",
                values=tuple(math.fsum(row[epoch - _MEAN : epoch]) / _MEAN for row in accuracies),
            )
            for epoch in _epochs(last)
            if epoch >= _MEAN
        ),
        *(
            Predictor(
                name=f"training loss, epoch {epoch}",
                values=tuple(row[epoch - 1] for row in losses),
                sign=-1.0,
            )
            for epoch in _epochs(min(map(len, losses), default=0))
        ),
    ]


def _epochs(last: int) -> list[int]:
    return [epoch for epoch in EPOCHS if epoch < last] + ([last] if last else [])


def told(networks: Sequence[TrainedNetwork]) -> list[Predictor]:
    """Return all that a benchmark itself tells of its networks, beside choosing by chance."""
    chance = Predictor(name="chance", values=(0.0,) * len(networks), kind="chance")
    return [*table_predictors(networks), *early_epochs(networks), chance]


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
    rho: bool = True,
) -> dict[str, Any]:
    """Return how well a predictor does.

    Args:
        predictor: one value for each network.
        networks: with their accuracies.
        groups: numbers of spiking layers, among equals of which tau is also computed.
        seed: of the bootstrap.
        rho: whether Spearman's rho is wanted, whose interval takes longest.

    Returns:
        `tau`, `rho` and `tau_equal_layers` as `Estimate` or None; `top_overlap` in [0, 1] as `Estimate` and
        `regret` as `Estimate` by k, how far that of the first k networks which has the best validation
        accuracy after training lies below the best, a difference of accuracies in [0, 1], both None where
        fewer than two count; and the number of `networks` that count.
    """
    kept = [i for i, value in enumerate(predictor.values) if not math.isnan(value)]
    record: dict[str, Any] = {"predictor": predictor.name, "kind": predictor.kind, "networks": len(kept)}
    if len(kept) < 2:
        empty = ("tau", "rho", "tau_equal_layers", "top_overlap", "regret")
        return {**record, **dict.fromkeys(empty), "per_second": predictor.per_second}
    x = [predictor.sign * predictor.values[i] for i in kept]
    y = [networks[i].accuracy for i in kept]
    equal = [groups[i] for i in kept] if groups is not None else None
    validated = [networks[i].epochs[-1] for i in kept] if all(networks[i].epochs for i in kept) else None
    choice = estimate_choice(x, y, by=validated, seed=seed)
    return {
        **record,
        "tau": estimate_tau(x, y, seed=seed),
        "rho": estimate_rho(x, y, seed=seed) if rho else None,
        "tau_equal_layers": None if equal is None else estimate_tau(x, y, equal, seed=seed),
        "top_overlap": choice.top_overlap,
        "regret": choice.regret,
        "per_second": predictor.per_second,
    }


def agreement(predictor: Predictor, networks: Sequence[TrainedNetwork]) -> dict[str, Any]:
    """Return tau alone; networks of one function count as one observation in its interval."""
    x = [predictor.sign * value for value in predictor.values]
    tau = estimate_tau(x, [n.accuracy for n in networks], clusters=[n.key for n in networks])
    return {"predictor": predictor.name, "kind": predictor.kind, "networks": len(networks), "tau": tau}
