"""What an energy model says, held to the form that an estimate has."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from snnplug.contracts import Activity, Baseline, EnergyEstimate, EnergyItem
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, is_text, refuse
from snnplug.runs.energy_records import Energy

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
        for name in ("items", "assumptions", "warnings", "baselines"):
            if not isinstance(part := getattr(found, name), tuple | list):
                refuse(component, f"a tuple as {name}", part)
        for text in (found.unit, found.reference, found.node, *found.assumptions, *found.warnings):
            if not is_text(text):
                refuse(component, "texts as unit, reference, node, assumptions and warnings", text)
        if not isinstance(found.facts, Mapping) or not all(is_text(name) for name in found.facts):
            refuse(component, "numbers by name as facts", found.facts)
        checked = attrs.evolve(
            found,
            items=_items(component, found.items),
            baselines=tuple(_baseline(component, baseline) for baseline in found.baselines),
            facts={name: _number(component, "fact", name, given) for name, given in found.facts.items()},
        )
        parameters = {name: value for name, value in component.to_dict().items() if name != "use"}
        return Energy.of(component.qualified, checked, parameters)


def _baseline(component: Component, baseline: Any) -> Baseline:
    if not isinstance(baseline, Baseline):
        refuse(component, "baselines that are snnplug.Baseline", baseline)
    if not (is_text(baseline.name) and is_text(baseline.how)):
        refuse(component, "texts as name and way of a baseline", (baseline.name, baseline.how))
    if not isinstance(baseline.items, tuple | list):
        refuse(component, "a tuple as items of a baseline", baseline.items)
    return attrs.evolve(
        baseline, items=_items(component, baseline.items), upper_bound=bool(baseline.upper_bound)
    )


def _items(component: Component, given: Iterable[Any]) -> tuple[EnergyItem, ...]:
    items = tuple(_item(component, item) for item in given)
    if not math.isfinite(total := sum(item.value for item in items)):
        refuse(component, "a finite sum of its items", total)
    return items


def _item(component: Component, item: Any) -> EnergyItem:
    if not isinstance(item, EnergyItem):
        refuse(component, "items that are snnplug.EnergyItem", item)
    if not (is_text(item.name) and is_text(item.term)):
        refuse(component, "a text as the name of an item and as its term", (item.name, item.term))
    count, each = (_number(component, "item", item.name, given) for given in (item.count, item.each))
    return EnergyItem(item.name, count, each, item.term)


def _number(component: Component, what: str, name: str, given: Any) -> float:
    """Return a number as one that a file can hold; numpy has others."""
    if isinstance(given, int | float) and math.isfinite(given):
        return given
    number = float(given) if isinstance(given, numbers.Real) else math.nan
    if not math.isfinite(number):
        refuse(component, f"finite numbers in the {what} {name!r}", given)
    return number
