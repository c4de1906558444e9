"""Energy: what a model makes of measured activity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import attrs

from snnplug.contracts.activity import Activity

__all__ = ["Baseline", "EnergyEstimate", "EnergyItem", "EnergyModel"]


@attrs.frozen
class EnergyItem:
    """One line of an energy estimate.

    Attributes:
        name: what it is for, such as "synaptic operations".
        count: how many of it per sample.
        each: energy of one, in the estimate's unit.
        term: what sort of cost it is, such as "compute", "memory", "addressing", "neurons", "communication"
            or "static"; models are compared by it. Empty: it is not said.
    """

    name: str
    count: float
    each: float
    term: str = ""

    @property
    def value(self) -> float:
        """Energy of all of them."""
        return self.count * self.each


@attrs.frozen
class Baseline:
    """What the same model says of another network that does the same work.

    Attributes:
        name: of the network, such as "dense ANN".
        items: what its energy adds up from, in the estimate's unit.
        how: how it was computed, in a sentence.
        upper_bound: it takes at most so much, as the model has no price of its own for it.
    """

    name: str
    items: tuple[EnergyItem, ...]
    how: str
    upper_bound: bool = False

    @property
    def value(self) -> float:
        """Sum over the items."""
        return sum(item.value for item in self.items)


@attrs.frozen(kw_only=True)
class EnergyEstimate:
    """Energy of one inference of one sample.

    Attributes:
        unit: "J", "relative", or what is counted.
        items: what it adds up from; their `each` are the model's constants.
        reference: source of the constants.
        node: process node and voltage that the constants are of; empty where they are of none.
        assumptions: what has to be true for the number to mean something.
        warnings: what was met in this network that the model does not cover.
        baselines: networks to compare with, by the same model.
        facts: numbers that belong to the estimate and are no energy, by name.
    """

    unit: str
    items: tuple[EnergyItem, ...]
    reference: str = ""
    node: str = ""
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    facts: Mapping[str, float] = attrs.field(factory=dict)

    @property
    def value(self) -> float:
        """Sum over the items."""
        return sum(item.value for item in self.items)


class EnergyModel(Protocol):
    """Turns measured activity into an energy estimate. Built as `target(*, ...)`."""

    def __call__(self, activity: Activity) -> EnergyEstimate:
        """Return the estimate for one sample."""
