"""What a run was made of: everything resolved, with the versions of what was used."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from snnplug.contracts import Task
from snnplug.recipe.plan import Plan
from snnplug.registry.component import Component
from snnplug.registry.registry import Registry
from snnplug.runs.records import ComponentUse, Resolved
from snnplug.version import __version__

__all__ = ["changed_versions", "resolved_record", "versions"]


def versions(components: Iterable[Component]) -> dict[str, str]:
    """Return the versions of snnplug, of the plugins of some components, and of what both require.

    Plugins registered from Python have no distribution, and bring nothing.
    """
    plugins = {component.plugin: component.version for component in components}
    found = {"snnplug": __version__, **plugins}
    for distribution in ("snnplug", *plugins):
        for requirement in _required(distribution):
            if requirement not in found and (version := _version(requirement)):
                found[requirement] = version
    return dict(sorted(found.items()))


def changed_versions(resolved: Resolved, registry: Registry) -> list[str]:
    """Return a line `name before -> now` for each thing that computes and is of another version now.

    That is snnplug, torch, the plugins that the run used, and what these require.
    """
    plugins = {use.use.rpartition(":")[0] for use in resolved.components}
    plugins |= {name.rpartition(":")[0] for use in resolved.components for name in use.nested_names()}
    there = {registration.plugin: registration.version for registration in registry}
    names = {"snnplug", "torch", *plugins, *(name for plugin in plugins for name in _required(plugin))}
    lines = []
    for name in sorted(names):
        before, now = resolved.environment.get(name), there.get(name) or _version(name)
        if before and now and before != now:
            lines.append(f"{name} {before} -> {now}")
    return lines


def _required(distribution: str) -> list[str]:
    """Return the names of what a distribution needs, extras aside."""
    try:
        lines = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return []
    plain = [line for line in lines if "extra ==" not in line]
    names = [re.match(r"[\w.-]+", line) for line in plain]
    return [re.sub(r"[-_.]+", "-", name[0]).lower() for name in names if name]


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def resolved_record(plan: Plan, command: str, task: Task) -> Resolved:
    """Return what resolved.json holds: qualified names, every parameter, versions, environment."""
    return Resolved(
        name=plan.recipe.name,
        command=command,
        seed=plan.recipe.seed,
        recipe=plan.resolved_recipe(),
        components=tuple(_use(key, component) for key, component in plan.components.items()),
        task=task,
        environment={
            "python": sys.version.split()[0],
            "platform": platform.platform(),
            "machine": platform.machine(),
            **versions(plan.used()),
        },
    )


def _use(key: str, component: Component) -> ComponentUse:
    known, _ = component.known_parameters()
    defaults = {name: p.default for name, p in known.items() if not p.required}
    given = {k: v.to_dict() if isinstance(v, Component) else v for k, v in component.parameters.items()}
    return ComponentUse(
        key=key,
        kind=component.kind,
        use=component.qualified,
        version=component.version,
        summary=component.summary,
        reference=component.reference,
        parameters={name: _plain(value) for name, value in {**defaults, **given}.items()},
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Component):
        return value.to_dict()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, int | float | str | bool | None) else repr(value)
