"""What a benchmark returns, held to its contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from snnplug.contracts import Benchmark, TrainedNetwork
from snnplug.errors import ContractError
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, describe, is_finite, is_text, title

__all__ = ["build_benchmark"]


def build_benchmark(component: Component) -> Benchmark:
    """Build a benchmark.

    Raises:
        ContractError: it is none, or one of its networks is not as it has to be.
        ComponentError: it fails.
    """
    built: Any = component.build()
    with calling(component, "a snnplug.Benchmark"):
        if mistake := _mistake(built):
            raise ContractError(f"{title(component)} {mistake}")
    benchmark: Benchmark = built
    return benchmark


def _mistake(built: Any) -> str:
    if not isinstance(built, Benchmark):
        return f"must return snnplug.Benchmark, got {describe(built)}"
    networks: Any = built.networks
    recipe: Any = built.recipe
    if not isinstance(networks, tuple | list):
        return f"must hold its networks in a tuple, got {describe(networks)}"
    if not isinstance(recipe, Mapping):
        return f"must have tables as its recipe, got {describe(recipe)}"
    if not is_text(built.note):
        return f"must have a text as its note, got {describe(built.note)}"
    for number, network in enumerate(networks):
        if mistake := _network_mistake(network):
            return f"network {number} must have {mistake}"
    return ""


def _network_mistake(network: Any) -> str:
    if not isinstance(network, TrainedNetwork):
        return f"the class snnplug.TrainedNetwork, got {describe(network)}"
    for name in ("id", "key"):
        if not is_text(given := getattr(network, name)):
            return f"a text as {name}, got {describe(given)}"
    if not is_finite(network.accuracy) or not 0 <= network.accuracy <= 1:
        return f"a number from 0 to 1 as accuracy, got {describe(network.accuracy)}"
    if not isinstance(network.epochs, tuple | list) or not all(map(is_finite, network.epochs)):
        return f"finite numbers as epochs, got {describe(network.epochs)}"
    if not isinstance(network.facts, Mapping) or not all(map(is_finite, network.facts.values())):
        return f"finite numbers as facts, got {describe(network.facts)}"
    try:
        json.dumps(network.genotype, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return f"plain JSON as genotype: {error}"
    return ""
