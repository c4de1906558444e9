"""What a run was made of: everything resolved, with the versions of what was used."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

import attrs

from snnplug.contracts import Splits
from snnplug.recipe.plan import Plan
from snnplug.registry.component import Component
from snnplug.registry.contents import content_hash
from snnplug.registry.registry import Registry
from snnplug.runs.records import ComponentUse, Origin, Resolved, Threads
from snnplug.seeds import digest
from snnplug.version import __version__

__all__ = [
    "changed_since",
    "differences_here",
    "differing_parameters",
    "origin_of",
    "origin_of_all",
    "recorded_origin",
    "resolved_record",
    "versions",
]


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


def origin_of(plan: Plan, threads: Threads) -> Origin:
    """Return what a run of a plan is computed with."""
    plugins = {component.plugin: component.version for component in plan.used()}
    return _origin(plugins, digest(plan.resolved_recipe()), threads)


def origin_of_all(registry: Registry) -> Origin:
    """Return the versions and contents of snnplug, of all plugins of a registry, and of what they require."""
    return _origin({registration.plugin: registration.version for registration in registry})


def differences_here(origin: Origin) -> list[str]:
    """Return a line for each thing that an origin of another process names and that is another one here."""
    plugins = {name: _version(name) or "not installed" for name in origin.contents if name != "snnplug"}
    now = _origin(plugins)
    others = {name: _version(name) or "not installed" for name in origin.versions if name in origin.contents}
    return origin.changes(attrs.evolve(now, versions={**others, **now.versions}))


def recorded_origin(resolved: Resolved) -> Origin:
    """Return what a run was last computed with; where an earlier snnplug began it, without contents."""
    if resolved.origins:
        return resolved.origins[-1]
    names = {name for use in resolved.components for name in (use.use, *use.nested_names())}
    plugins = {name.rpartition(":")[0] for name in names}
    wanted = {"snnplug", "torch", *plugins, *(name for plugin in plugins for name in _required(plugin))}
    return Origin(versions={name: v for name in wanted if (v := resolved.environment.get(name))})


def changed_since(origin: Origin, registry: Registry) -> list[str]:
    """Return a line for each thing that an origin names and that is another one now.

    That is snnplug, torch, the plugins that were used, and what these require.
    """
    there = {registration.plugin: registration.version for registration in registry}
    now = _origin({name: version for name, version in there.items() if name in origin.versions})
    others = {name: _version(name) or "not installed" for name in origin.versions if origin.contents}
    known = {name: version for name, version in others.items() if name not in now.versions}
    return origin.changes(attrs.evolve(now, versions={**known, **now.versions}))


def _origin(plugins: Mapping[str, str], recipe: str = "", threads: Threads | None = None) -> Origin:
    named = {"torch", *(name for plugin in plugins for name in _required(plugin))}
    versions = {**{name: _version(name) for name in named}, **plugins, "snnplug": __version__}
    contents = {name: content_hash(name) for name in ("snnplug", *plugins)}
    return Origin(
        recipe=recipe,
        versions={name: version for name, version in sorted(versions.items()) if version},
        contents={name: content for name, content in sorted(contents.items()) if content},
        threads=threads,
    )


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


def resolved_record(plan: Plan, command: str, splits: Splits, origin: Origin) -> Resolved:
    """Return what resolved.json holds: qualified names, every parameter, versions, environment."""
    return Resolved(
        name=plan.recipe.name,
        command=command,
        seed=plan.recipe.seed,
        recipe=plan.resolved_recipe(),
        components=tuple(_use(key, component) for key, component in plan.components.items()),
        task=splits.task,
        class_names=tuple(splits.class_names),
        environment={
            "python": sys.version.split()[0],
            "platform": platform.platform(),
            "machine": platform.machine(),
            **versions(plan.used()),
        },
        origins=(origin,),
    )


def differing_parameters(plan: Plan, other: Resolved, keys: Iterable[str]) -> list[str]:
    """Return a line for each parameter of the named components in which another run differs from a plan.

    A parameter that the other run does not know, as its version had none, was there what is the default now.
    """
    theirs = {use.key: use for use in other.components}
    lines = []
    for key in keys:
        mine = _settings(_use(key, plan[key]), plan.resolved_recipe())
        there = _settings(theirs[key], other.recipe) if key in theirs else {}
        known, _ = plan[key].known_parameters()
        there = {**{name: _plain(p.default) for name, p in known.items() if not p.required}, **there}
        names = [name for name in {**there, **mine} if there.get(name) != mine.get(name)]
        lines += [f"{key}.{name} is {there.get(name)!r} there and {mine.get(name)!r} here" for name in names]
    return lines


def _settings(use: ComponentUse, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return name and parameters; what is given by the recipe's own table of that name stands there."""
    given = {k: v for k, v in use.parameters.items() if k not in recipe or recipe[k] != v}
    return {"use": use.use, **given}


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
