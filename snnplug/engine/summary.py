"""What a run leaves behind to be read: resolved.json, activity.json, trials.json, summary.json."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import Any

import attrs

from snnplug.contracts import EnergyEstimate, SearchSpace, Trial
from snnplug.engine.measure import Measurement
from snnplug.engine.search import SearchResult
from snnplug.nn import Activity
from snnplug.recipe.plan import Plan
from snnplug.registry.component import Component
from snnplug.registry.parameters import parameters_of
from snnplug.version import __version__

__all__ = [
    "SCHEMA",
    "activity_record",
    "measurement_record",
    "resolved_record",
    "search_record",
    "trial_records",
    "versions",
]

SCHEMA = 1

_PACKAGES = ("torch", "torchvision", "spikingjelly", "lightning-fabric", "optuna", "numpy", "scikit-learn")


def versions(plan: Plan) -> dict[str, str]:
    """Return the versions of snnplug, the plugins used and the packages below them."""
    plugins = {c.plugin: c.version for component in plan.components.values() for c in component.walk()}
    found = {"snnplug": __version__, **plugins}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return dict(sorted(found.items()))


def resolved_record(plan: Plan, command: str, seed: int) -> dict[str, Any]:
    """Return what resolved.json holds: qualified names, every parameter, versions, environment."""
    tables = {key: component.to_dict() for key, component in plan.components.items()}
    recipe = plan.recipe.to_dict()
    recipe.pop("replaced", None)
    for key in ("dataset", "encoder", "neuron", "loss", "architecture"):
        if key in tables:
            recipe[key] = _without_inherited_neuron(tables[key], plan)
    if plan.recipe.search is not None:
        recipe["search"]["objectives"] = {o.component.qualified: o.goal for o in plan.objectives}
    for key in ("space", "strategy", "scorer"):
        if f"search.{key}" in tables:
            recipe["search"][key] = _without_inherited_neuron(tables[f"search.{key}"], plan)
    recipe["energy"] = {"models": [component.to_dict() for component in plan.energy_models]}
    return {
        "schema": SCHEMA,
        "name": plan.recipe.name,
        "command": command,
        "seed": seed,
        "recipe": recipe,
        "components": [_component_record(key, c) for key, c in plan.components.items()],
        "environment": {
            "python": sys.version.split()[0],
            "platform": platform.platform(),
            "machine": platform.machine(),
            **versions(plan),
        },
    }


def _without_inherited_neuron(table: dict[str, Any], plan: Plan) -> dict[str, Any]:
    return {k: v for k, v in table.items() if k != "neuron" or v != plan.neuron.to_dict()}


def _component_record(key: str, component: Component) -> dict[str, Any]:
    known, _ = parameters_of(component.load())
    defaults = {name: p.default for name, p in known.items() if not p.required}
    given = {k: v.to_dict() if isinstance(v, Component) else v for k, v in component.parameters.items()}
    return {
        "key": key,
        "kind": component.kind,
        "use": component.qualified,
        "version": component.version,
        "summary": component.summary,
        "reference": component.reference,
        "parameters": {name: _plain(value) for name, value in {**defaults, **given}.items()},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Component):
        return value.to_dict()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, int | float | str | bool | None) else repr(value)


def activity_record(activity: Activity) -> dict[str, Any]:
    """Return what activity.json holds."""
    return {
        "samples": activity.samples,
        "steps": activity.steps,
        "neurons": [{**attrs.asdict(n), "rate": activity.rate(n.name)} for n in activity.neurons.values()],
        "synapses": [attrs.asdict(s) for s in activity.synapses.values()],
        "uncounted": activity.uncounted,
    }


def measurement_record(measured: Measurement) -> dict[str, Any]:
    """Return the part of summary.json that measuring fills."""
    activity = measured.activity
    return {
        "accuracy": measured.accuracy,
        "spikes_per_sample": activity.spikes_per_sample,
        "synaptic_operations": activity.synaptic_operations,
        "macs": activity.macs,
        "latency_steps": activity.latency_steps,
        "parameters": measured.parameters,
        "energy": [_energy_record(name, estimate) for name, estimate in measured.energy.items()],
    }


def _energy_record(name: str, estimate: EnergyEstimate) -> dict[str, Any]:
    items = [{**attrs.asdict(item), "value": item.value} for item in estimate.items]
    return {"model": name, "value": estimate.value, **attrs.asdict(estimate), "items": items}


def search_record(result: SearchResult, plan: Plan, space: SearchSpace) -> dict[str, Any]:
    """Return the part of summary.json that a search fills."""
    assert plan.space and plan.strategy and plan.scorer
    return {
        "space": plan.space.qualified,
        "strategy": plan.strategy.qualified,
        "scorer": plan.scorer.qualified,
        "draws": result.draws.total(),
        "distinct": len(result.draws),
        "evaluated": len(result.trials),
        "best": result.best.genotype,
        "key": result.best.key,
        "score": result.best.score,
        "values": dict(result.best.values),
        "objectives": {o.component.qualified: o.goal for o in plan.objectives},
        "pareto": [_trial_record(trial) for trial in result.pareto],
        "seconds": result.seconds,
        "seconds_per_candidate": result.seconds_per_candidate,
        "graph": attrs.asdict(space.graph(result.best.genotype)),
    }


def trial_records(result: SearchResult) -> list[dict[str, Any]]:
    """Return what trials.json holds."""
    return [
        {**_trial_record(trial), "seconds": trial.seconds, "draws": result.draws[trial.key]}
        for trial in result.trials
    ]


def _trial_record(trial: Trial) -> dict[str, Any]:
    record = attrs.asdict(trial)
    return {key: record[key] for key in ("index", "genotype", "key", "score", "values")}
