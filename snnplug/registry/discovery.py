"""From installed distributions to registrations, one plugin at a time.

For each distribution with an entry point in the group `snnplug`, in this order: is it
disabled (then it is never imported), is its own requirement on snnplug met (checked in
its metadata, before import), does it import, are its hooks well formed, are its specs
valid. A plugin is taken whole or not at all, and its failure touches nothing else. What it
changes of the process on the way is put back, and said as a note.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
import pluggy

from snnplug.errors import InvalidSpec, PluginError, did_you_mean, one_line
from snnplug.registry import hookspecs
from snnplug.registry.distributions import Installed, canonical, installed_plugins
from snnplug.registry.interrupts import from_a_signal, listening
from snnplug.registry.kinds import KINDS, Kind, Spec
from snnplug.registry.put_back import put_back
from snnplug.registry.requirement import unmet
from snnplug.version import __version__

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Note", "Plugin", "Problem", "canonical", "discover", "load_alone", "log_problems"]

_MOST_SPECS = 20_000  # of one hook; a generator that never ends would fill the memory
_SLOW = 3.0  # seconds of import that are worth a note


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

    @property
    def remedy(self) -> str:
        """The command that most likely mends it."""
        if self.phase == "metadata":
            return f"pip install --force-reinstall {self.plugin}"
        return f"pip install -U {'snnplug ' if self.phase == 'requires' else ''}{self.plugin}"


@attrs.frozen
class Note:
    """What an installed plugin did while it was imported that none should do; the plugin is used.

    Attributes:
        plugin: name of the distribution.
        version: its version.
        text: one line.
    """

    plugin: str
    version: str
    text: str

    def __str__(self) -> str:
        return f"plugin {self.plugin} {self.version} {self.text}"


@attrs.frozen
class Plugin:
    """A plugin that loaded, with all it offers.

    Attributes:
        name: name of the distribution.
        version: its version.
        specs: what it registers.
        installed: its distribution, which knows where it came from and its licence.
    """

    name: str
    version: str
    specs: tuple[Spec, ...]
    installed: Installed


@attrs.frozen
class _Failure(Exception):
    phase: str
    error: str


def discover(disable: Iterable[str] = ()) -> tuple[list[Plugin], list[Problem], list[Note]]:
    """Load every installed plugin that is not disabled.

    Args:
        disable: distribution names, or "*" for all; added to `SNNPLUG_DISABLE`.

    Returns:
        The plugins that loaded, sorted by name, the problems of those that did not, and notes of both.

    Raises:
        PluginError: a plugin is broken and `SNNPLUG_STRICT=1` is set.
    """
    strict = os.environ.get("SNNPLUG_STRICT", "") not in ("", "0")
    plugins: list[Plugin] = []
    problems: list[Problem] = []
    notes: list[Note] = []
    with listening():
        for installed in installed_plugins(disable):
            try:
                plugins.append(_load_plugin(installed, notes))
            except _Failure as failure:
                problem = _problem(installed, failure)
                if strict:
                    raise PluginError(str(problem)) from failure.__cause__
                problems.append(problem)
    return sorted(plugins, key=lambda p: p.name), sorted(problems, key=lambda p: p.plugin), notes


def load_alone(name: str) -> tuple[str, list[str]]:
    """Load one installed plugin; return why it would be left out, empty for none, and its notes."""
    notes: list[Note] = []
    for installed in installed_plugins():
        if installed.name == name:
            try:
                _load_plugin(installed, notes)
            except _Failure as failure:
                return f"({failure.phase}) {failure.error}", [note.text for note in notes]
    return "", [note.text for note in notes]


def _load_plugin(installed: Installed, notes: list[Note]) -> Plugin:
    """Import a plugin and ask it for its specs; what it changes is put back and added to the notes."""
    version = installed.version
    if installed.damage:
        raise _Failure("metadata", installed.damage)
    if not version:
        raise _Failure(
            "metadata", "its METADATA file is missing or damaged; install it again or delete what is left"
        )
    started = time.perf_counter()
    changes: list[str] = []
    try:
        with put_back() as changes:
            specs = _load(installed)
    finally:
        notes += [Note(installed.name, version, text) for text in _remarks(changes, started)]
    return Plugin(installed.name, version, specs, installed)


def _remarks(changes: list[str], started: float) -> Iterator[str]:
    seconds = time.perf_counter() - started
    if seconds > _SLOW:
        yield f"takes {seconds:.1f} s to import; every command waits for it"
    if changes:
        yield f"changed {', '.join(changes)} while it was imported; that was put back"


def _problem(installed: Installed, failure: _Failure) -> Problem:
    cause = failure.__cause__
    version = installed.version or "of unknown version"
    details = f"{failure.error}\n"
    if cause is not None:
        import traceback

        with contextlib.suppress(Exception):  # a foreign exception may fail even to print itself
            details = "".join(traceback.format_exception(cause))
    return Problem(installed.name, version, failure.phase, failure.error, details)


def _load(installed: Installed) -> tuple[Spec, ...]:
    _check_requirement(installed)
    specs: list[Spec] = []
    for value in installed.modules:
        name, _, attribute = value.partition(":")
        if not all(part.isidentifier() for part in f"{name}.{attribute or 'it'}".split(".")):
            raise _Failure("metadata", f"its entry point {value!r} names no module; install it again")
        try:
            module: Any = importlib.import_module(name)
            for part in filter(None, attribute.split(".")):
                module = getattr(module, part)
        except BaseException as error:
            if from_a_signal(error):
                raise
            raise _Failure("import", f"{value}: {one_line(error)}") from error
        try:
            specs.extend(_call_hooks(module))
        except BaseException as error:
            if isinstance(error, _Failure) or from_a_signal(error):
                raise
            raise _Failure("hooks", f"{value}: {one_line(error)}") from error
    seen: set[tuple[str, str]] = set()
    for spec in specs:
        for offered in (spec.name, *spec.aliases):
            if (spec.kind, offered) in seen:
                raise _Failure("register", f"{spec.kind} {offered!r} is offered twice by the same plugin")
            seen.add((spec.kind, offered))
    return tuple(specs)


def _check_requirement(installed: Installed) -> None:
    for line in installed.requires:
        if not re.match(r"snnplug(?![\w.-])", line, re.IGNORECASE):
            continue
        try:
            wanted = unmet(line, __version__)
        except ValueError as error:
            raise _Failure("requires", f"its requirement {line!r} is not valid") from error
        if wanted is not None:
            needs = f"it needs snnplug{wanted}, this is {__version__}"
            raise _Failure("requires", f"{needs}; run: pip install -U snnplug {installed.name}")


def _call_hooks(module: ModuleType) -> list[Spec]:
    manager = _manager()
    try:
        manager.register(module)
        _refuse_unknown_hooks(manager, module)
    except Exception as error:
        _manager.cache_clear()  # thrown away: a failing plugin must leave no trace
        if isinstance(error, _Failure):
            raise
        raise _Failure("hooks", one_line(error)) from error
    try:
        return _specs_of(manager, module)
    finally:
        manager.unregister(module)


@functools.cache
def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("snnplug")
    manager.add_hookspecs(hookspecs)
    return manager


def _specs_of(manager: pluggy.PluginManager, module: ModuleType) -> list[Spec]:
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
        specs = list(itertools.islice(result, _MOST_SPECS + 1)) if isinstance(result, Iterable) else None
    except InvalidSpec as error:
        raise _Failure("register", f"{hook}: {error}") from error
    except BaseException as error:
        if from_a_signal(error):
            raise
        raise _Failure("hooks", f"{hook}: {one_line(error)}") from error
    if specs is None:
        raise _Failure("hooks", f"{hook} must return an iterable of {wanted}, got {type(result).__name__}")
    if len(specs) > _MOST_SPECS:
        last = getattr(specs[-1], "name", type(specs[-1]).__name__)
        raise _Failure("hooks", f"{hook} gives more than {_MOST_SPECS} specs; it was stopped at {last!r}")
    for spec in specs:
        if not isinstance(spec, kind.spec) or spec.kind != kind.name:
            raise _Failure("register", f"{hook} must return {wanted} objects, got {type(spec).__name__}")
    return specs


def log_problems(problems: Iterable[Problem], notes: Iterable[Note] = ()) -> None:
    """Say each problem and each note in one line on standard error."""
    for problem in problems:
        said = str(problem)
        run = "" if problem.remedy in said else f"; run: {problem.remedy}"
        print(f"snnplug: {said}{run}; details: snnplug list --errors", file=sys.stderr)
    for note in notes:
        print(f"snnplug: note: {note}", file=sys.stderr)
