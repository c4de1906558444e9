"""What energy models have said: in summary.json, and in energy.json of those asked after the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from snnplug.contracts import Baseline, EnergyEstimate, EnergyItem
from snnplug.runs.schema import Number

__all__ = ["Energy", "EnergyBaseline", "EnergyLine", "EnergyRecord"]


@attrs.frozen(kw_only=True)
class EnergyLine:
    """One line of an energy estimate, per sample; see `snnplug.contracts.EnergyItem`."""

    name: str
    count: Number = None
    each: Number = None
    value: Number = None
    term: str = ""

    @classmethod
    def of(cls, items: Iterable[EnergyItem]) -> tuple[EnergyLine, ...]:
        """Return the records of items."""
        return tuple(cls(**attrs.asdict(item), value=item.value) for item in items)


@attrs.frozen(kw_only=True)
class EnergyBaseline:
    """What a model says of another network; see `snnplug.contracts.Baseline`."""

    name: str
    value: Number = None
    items: tuple[EnergyLine, ...] = ()
    how: str = ""
    upper_bound: bool = False

    @classmethod
    def of(cls, baseline: Baseline) -> EnergyBaseline:
        """Return the record of a baseline."""
        return cls(
            name=baseline.name,
            value=baseline.value,
            items=EnergyLine.of(baseline.items),
            how=baseline.how,
            upper_bound=baseline.upper_bound,
        )


@attrs.frozen(kw_only=True)
class Energy:
    """What one energy model says of one inference of one sample; `parameters` are those it was given."""

    model: str
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    value: Number = None
    unit: str = ""
    items: tuple[EnergyLine, ...] = ()
    reference: str = ""
    node: str = ""
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    baselines: tuple[EnergyBaseline, ...] = ()
    facts: Mapping[str, Number] = attrs.field(factory=dict)

    @classmethod
    def of(cls, model: str, estimate: EnergyEstimate, parameters: Mapping[str, Any] | None = None) -> Energy:
        """Return the record of an estimate."""
        return cls(
            model=model,
            parameters=dict(parameters or {}),
            value=estimate.value,
            unit=estimate.unit,
            items=EnergyLine.of(estimate.items),
            reference=estimate.reference,
            node=estimate.node,
            assumptions=tuple(estimate.assumptions),
            warnings=tuple(estimate.warnings),
            baselines=tuple(map(EnergyBaseline.of, estimate.baselines)),
            facts=dict(estimate.facts),
        )


@attrs.frozen(kw_only=True)
class EnergyRecord:
    """`energy.json`: what models say that were asked after the run.

    Attributes:
        schema: of the file.
        activity: SHA-256 of the `activity.json` that they read.
        models: the models with their parameters, as a recipe writes them.
        energy: what they say.
    """

    schema: int = 1
    activity: str = ""
    models: tuple[Mapping[str, Any], ...] = ()
    energy: tuple[Energy, ...] = ()
