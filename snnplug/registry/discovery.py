"""From installed distributions to registrations, one plugin at a time.

For each distribution with an entry point in the group `snnplug`, in this order: is it
disabled (then it is never imported), is its own requirement on snnplug met (checked in
its metadata, before import), does it import, are its hooks well formed, are its specs
valid. A plugin is taken whole or not at all, and its failure touches nothing else.

A plugin's name is its distribution's in normal form, as pip prints it: `acme-neurons`.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Any

import attrs
import pluggy

from snnplug.errors import InvalidSpec, PluginError, did_you_mean, one_line
from snnplug.registry import hookspecs
from snnplug.registry.component import aside
from snnplug.registry.kinds import KINDS, Kind, Spec
from snnplug.version import __version__

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["GROUP", "Plugin", "Problem", "canonical", "discover", "log_problems"]

GROUP = "snnplug"


@attrs.frozen
class Problem:
    """Why an installed plugin was left out.

    Attributes:
        plugin: name of the distribution.
        version: its version.
        phase: where it failed: metadata, requires, import, hooks or register.
        error: one line.
        details: the traceback, for `snnplug list --errors`.
    """

    plugin: str
    version: str
    phase: str
    error: str
    details: str = attrs.field(default="", repr=False)

    def __str__(self) -> str:
        return f"plugin {self.plugin} {self.version} was left out ({self.phase}): {self.error}"


@attrs.frozen
class Plugin:
    """A plugin that loaded, with all it offers."""

    name: str
    version: str
    specs: tuple[Spec, ...]


@attrs.frozen
class _Failure(Exception):
    phase: str
    error: str


def discover(disable: Iterable[str] = ()) -> tuple[list[Plugin], list[Problem]]:
    """Load every installed plugin that is not disabled.

    Args:
        disable: distribution names, or "*" for all; added to `SNNPLUG_DISABLE`.

    Returns:
        The plugins that loaded, sorted by name, and the problems of those that did not.

    Raises:
        PluginError: a plugin is broken and `SNNPLUG_STRICT=1` is set.
    """
    strict = os.environ.get("SNNPLUG_STRICT", "") not in ("", "0")
    plugins: list[Plugin] = []
    problems: list[Problem] = []
    for name, dist, entry_points in _distributions(disable):
        version = "of unknown version"
        try:
            version = _read_version(dist)
            with aside():
                plugins.append(Plugin(name, version, _load(name, dist, entry_points)))
        except _Failure as failure:
            cause = failure.__cause__
            details = "".join(traceback.format_exception(cause)) if cause else f"{failure.error}\n"
            problem = Problem(name, version, failure.phase, failure.error, details)
            if strict:
                raise PluginError(str(problem)) from cause
            problems.append(problem)
    return sorted(plugins, key=lambda p: p.name), sorted(problems, key=lambda p: p.plugin)


def canonical(name: str) -> str:
    """Return a distribution's name in normal form: lower case, words joined by `-`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _distributions(
    disable: Iterable[str],
) -> Iterator[tuple[str, metadata.Distribution, list[metadata.EntryPoint]]]:
    """Yield each distribution with our entry points once: the first on `sys.path` wins."""
    listed = os.environ.get("SNNPLUG_DISABLE", "").split(",")
    disabled = {canonical(name.strip()) for name in (*listed, *disable)}
    if "*" in disabled:
        return
    found: dict[str, tuple[metadata.Distribution, list[metadata.EntryPoint]]] = {}
    for entry_point in metadata.entry_points(group=GROUP):
        dist = entry_point.dist
        if dist is None:  # made by hand, not read from an installed distribution
            continue
        name = canonical(_read_name(dist) or entry_point.value.partition(".")[0])
        if name not in disabled and found.setdefault(name, (dist, []))[0] is dist:
            found[name][1].append(entry_point)
    for name, (dist, entry_points) in found.items():
        yield name, dist, entry_points


def _read_name(dist: metadata.Distribution) -> str:
    """Return the name in the metadata, or nothing: a broken uninstall leaves entry points without it."""
    try:
        return dist.metadata["Name"] or ""
    except Exception:
        return ""


def _read_version(dist: metadata.Distribution) -> str:
    try:
        if _read_name(dist) and dist.version:
            return dist.version
    except KeyError:  # Python 3.14 on
        pass
    raise _Failure(
        "metadata", "its METADATA file is missing or damaged; install it again or delete what is left"
    )


def _load(
    name: str, dist: metadata.Distribution, entry_points: list[metadata.EntryPoint]
) -> tuple[Spec, ...]:
    _check_requirement(name, dist)
    specs: list[Spec] = []
    for entry_point in entry_points:
        try:
            module = entry_point.load()
        except (Exception, SystemExit) as error:
            raise _Failure("import", f"{entry_point.value}: {one_line(error)}") from error
        specs.extend(_call_hooks(module))
    seen: set[tuple[str, str]] = set()
    for spec in specs:
        for offered in (spec.name, *spec.aliases):
            if (spec.kind, offered) in seen:
                raise _Failure("register", f"{spec.kind} {offered!r} is offered twice by the same plugin")
            seen.add((spec.kind, offered))
    return tuple(specs)


def _check_requirement(name: str, dist: metadata.Distribution) -> None:
    for line in dist.requires or ():
        if not re.match(r"snnplug(?![\w.-])", line, re.IGNORECASE):
            continue
        from packaging.requirements import InvalidRequirement, Requirement  # 15 ms, so only where needed

        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise _Failure("requires", f"its requirement {line!r} is not valid") from error
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        if not requirement.specifier.contains(__version__, prereleases=True):
            needs = f"it needs snnplug{requirement.specifier}, this is {__version__}"
            raise _Failure("requires", f"{needs}; run: pip install -U snnplug {name}")


def _call_hooks(module: ModuleType) -> list[Spec]:
    manager = pluggy.PluginManager("snnplug")  # thrown away: a failing plugin must leave no trace
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module)
    except Exception as error:
        raise _Failure("hooks", one_line(error)) from error
    _refuse_unknown_hooks(manager, module)
    specs: list[Spec] = []
    for kind in KINDS.values():
        implementations = getattr(manager.hook, kind.hook).get_hookimpls()
        if not implementations and hasattr(module, kind.hook):
            raise _Failure("hooks", f"{kind.hook} is not marked with @snnplug.hookimpl")
        for implementation in implementations:
            specs.extend(_call_hook(kind, implementation))
    return specs


def _refuse_unknown_hooks(manager: pluggy.PluginManager, module: ModuleType) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        known = [kind.hook for kind in KINDS.values()]
        unknown = [
            caller.name
            for caller in manager.get_hookcallers(module) or ()
            if caller.name not in known and not all(i.optionalhook for i in caller.get_hookimpls())
        ]
        raise _Failure("hooks", "; ".join(_explain_unknown(name, known) for name in unknown)) from error


def _explain_unknown(hook: str, known: list[str]) -> str:
    # all hooks begin alike, so only a near miss is taken for a slip of the pen
    if hint := did_you_mean(hook, known, cutoff=0.9):
        return f"unknown hook {hook!r}.{hint}"
    return f"hook {hook!r} is unknown to snnplug {__version__}; run: pip install -U snnplug"


def _call_hook(kind: Kind, implementation: pluggy.HookImpl) -> list[Spec]:
    hook, wanted = kind.hook, kind.spec.__name__
    options = implementation.opts
    if any(options[name] for name in ("wrapper", "hookwrapper", "tryfirst", "trylast")):
        raise _Failure("hooks", f"{hook} must be plain: no wrapper, tryfirst or trylast")
    try:
        result: Any = implementation.function()
        specs = list(result) if isinstance(result, Iterable) else None
    except InvalidSpec as error:
        raise _Failure("register", f"{hook}: {error}") from error
    except (Exception, SystemExit) as error:
        raise _Failure("hooks", f"{hook}: {one_line(error)}") from error
    if specs is None:
        raise _Failure("hooks", f"{hook} must return an iterable of {wanted}, got {type(result).__name__}")
    for spec in specs:
        if not isinstance(spec, kind.spec) or spec.kind != kind.name:
            raise _Failure("register", f"{hook} must return {wanted} objects, got {type(spec).__name__}")
    return specs


def log_problems(problems: Iterable[Problem]) -> None:
    """Say each problem in one line on standard error."""
    for problem in problems:
        print(f"snnplug: {problem}; details: snnplug list --errors", file=sys.stderr)
