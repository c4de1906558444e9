"""Energy: what a model makes of measured activity."""

from __future__ import annotations

from typing import Protocol

import attrs

from snnplug.contracts.activity import Activity

__all__ = ["EnergyEstimate", "EnergyItem", "EnergyModel"]


@attrs.frozen
class EnergyItem:
    """One line of an energy estimate.

    Attributes:
        name: what it is for, such as "synaptic operations".
        count: how many of it per sample.
        each: energy of one, in the estimate's unit.
    """

    name: str
    count: float
    each: float

    @property
    def value(self) -> float:
        """Energy of all of them."""
        return self.count * self.each


@attrs.frozen(kw_only=True)
class EnergyEstimate:
    """Energy of one inference of one sample.

    Attributes:
        unit: "J" or "relative".
        items: what it adds up from.
        reference: source of the constants.
        assumptions: what has to be true for the number to mean something.
        warnings: what was met in this network that the model does not cover.
    """

    unit: str
    items: tuple[EnergyItem, ...]
    reference: str = ""
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """Sum over the items."""
        return sum(item.value for item in self.items)


class EnergyModel(Protocol):
    """Turns measured activity into an energy estimate. Built as `target(*, ...)`."""

    def __call__(self, activity: Activity) -> EnergyEstimate:
        """Return the estimate for one sample."""
