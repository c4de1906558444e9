"""What an energy model says, held to the form that an estimate has."""

from __future__ import annotations

import math
import numbers
from typing import Any

import attrs

from snnplug.contracts import Activity, EnergyEstimate, EnergyItem
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, is_text, refuse
from snnplug.runs.records import Energy

__all__ = ["estimate"]

_FORM = "a snnplug.EnergyEstimate: items with finite counts and energies, and texts"


def estimate(component: Component, activity: Activity) -> Energy:
    """Return the record of what a model says of an activity.

    Raises:
        ComponentError: it fails, or says what is no finite energy.
    """
    with calling(component, _FORM):
        found: Any = component.build()(activity)
        if not isinstance(found, EnergyEstimate):
            refuse(component, _FORM, found)
        for name in ("items", "assumptions", "warnings"):
            if not isinstance(part := getattr(found, name), tuple | list):
                refuse(component, f"a tuple as {name}", part)
        items = tuple(_item(component, item) for item in found.items)
        for text in (found.unit, found.reference, *found.assumptions, *found.warnings):
            if not is_text(text):
                refuse(component, "texts as unit, reference, assumptions and warnings", text)
        if not math.isfinite(total := sum(item.value for item in items)):
            refuse(component, "a finite sum of its items", total)
        return Energy.of(component.qualified, attrs.evolve(found, items=items))


def _item(component: Component, item: Any) -> EnergyItem:
    if not isinstance(item, EnergyItem):
        refuse(component, "items that are snnplug.EnergyItem", item)
    if not is_text(item.name):
        refuse(component, "a text as the name of an item", item.name)
    return EnergyItem(item.name, *(_number(component, item.name, given) for given in (item.count, item.each)))


def _number(component: Component, name: str, given: Any) -> float:
    """Return a number as one that a file can hold; numpy has others."""
    if isinstance(given, int | float) and math.isfinite(given):
        return given
    number = float(given) if isinstance(given, numbers.Real) else math.nan
    if not math.isfinite(number):
        refuse(component, f"finite numbers in the item {name!r}", given)
    return number
