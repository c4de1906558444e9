"""The registry: what is registered, found by name, and used with parameters.

    registry = Registry.from_installed()
    registry.create("neuron", "my_neuron", tau=3.0)
    registry.neurons.my_neuron(tau=3.0)             # the same, with completion
    registry.use("neuron", "my_neuron", tau=3.0)    # a Component: build it later, often, elsewhere

Registries are values. There is no global one and no order of registration.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from snnplug.errors import (
    AmbiguousName,
    DuplicateName,
    InvalidSpec,
    ParameterError,
    RecipeError,
    UnknownName,
    did_you_mean,
)
from snnplug.registry.discovery import Note, Plugin, Problem, canonical, discover, log_problems
from snnplug.registry.kinds import KINDS, Spec, kind_named
from snnplug.registry.own import OWN
from snnplug.registry.registration import Registration

if TYPE_CHECKING:
    from snnplug.registry.component import Component

__all__ = ["LOCAL", "Namespace", "Registry", "nothing_installed"]

LOCAL = "local"  # the plugin name of what is registered from Python rather than discovered


class Namespace:
    """The things of one kind as attributes: `registry.neurons.my_neuron(tau=2.0)` builds one.

    What `registry.create` takes behind the name, these take too. Where several plugins offer a name,
    `registry.neurons["acme-neurons:my_neuron"]` chooses.
    """

    def __init__(self, registry: Registry, kind: str) -> None:
        self._registry, self._kind = registry, kind

    def __getitem__(self, name: str) -> Callable[..., Any]:
        registration = self._registry.find(self._kind, name)
        build = functools.partial(self._registry.create, self._kind, registration.qualified)
        build.__doc__ = registration.spec.summary
        return build

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):  # asked for by copy, pickle and notebooks
            raise AttributeError(name)
        try:
            return self[name]
        except UnknownName as error:
            raise AttributeError(str(error)) from error

    def __dir__(self) -> list[str]:
        return sorted({r.name for r in self._registry.list(self._kind)})

    def __iter__(self) -> Iterator[str]:
        return iter(dir(self))

    def __repr__(self) -> str:
        return f"<{KINDS[self._kind].plural}: {_join(dir(self)) or 'none'}>"


class Registry:
    """A collection of registrations, and the problems met on the way to it.

    Each kind is also an attribute by its plural: `registry.neurons`, `registry.search_spaces`, ...

    Attributes:
        problems: why installed plugins were left out.
        notes: what plugins did while they were imported that none should do.
        plugins: the installed plugins that loaded.
    """

    def __init__(
        self,
        registrations: Iterable[Registration] = (),
        problems: Iterable[Problem] = (),
        notes: Iterable[Note] = (),
        plugins: Iterable[Plugin] = (),
    ) -> None:
        self._by_kind: dict[str, list[Registration]] = {kind: [] for kind in KINDS}
        self._taken: set[tuple[str, str, str]] = set()
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.notes: tuple[Note, ...] = tuple(notes)
        self.plugins: tuple[Plugin, ...] = tuple(plugins)
        for registration in registrations:
            self._add(registration)

    @classmethod
    def from_installed(cls, disable: Iterable[str] = (), *, quiet: bool = False) -> Registry:
        """Build a registry from every installed plugin.

        Args:
            disable: distribution names to leave out, or "*"; added to `SNNPLUG_DISABLE`.
            quiet: do not print a line on standard error for each broken plugin.
        """
        plugins, problems, notes = discover(disable)
        if not quiet:
            log_problems(problems, notes)
        found = (
            Registration(plugin.name, plugin.version, spec) for plugin in plugins for spec in plugin.specs
        )
        return cls((*OWN, *found), problems, notes, plugins)

    def register(self, spec: Spec, *, plugin: str = LOCAL, version: str = "") -> Registration:
        """Add a spec, for notebooks and tests; its target may be a class or a function.

        Raises:
            InvalidSpec: it is not a spec of a known kind.
            DuplicateName: the same plugin offers that name already.
        """
        if (
            not isinstance(spec, Spec)
            or spec.kind not in KINDS
            or not isinstance(spec, KINDS[spec.kind].spec)
        ):
            raise InvalidSpec(
                f"{spec!r} is not a spec; use one of {_join(k.spec.__name__ for k in KINDS.values())}"
            )
        registration = Registration(plugin, version, spec)
        self._add(registration)
        return registration

    def _add(self, registration: Registration) -> None:
        kind, plugin = registration.kind, registration.plugin
        names = (registration.name, *registration.spec.aliases)
        for name in names:
            if (kind, plugin, name) in self._taken:
                raise DuplicateName(f"{plugin} offers the {kind} {name!r} already")
        self._taken.update((kind, plugin, name) for name in names)
        self._by_kind[registration.kind].append(registration)

    @property
    def is_bare(self) -> bool:
        """Whether there is nothing but what every installation has."""
        return all(registration in OWN for registration in self)

    def list(self, kind: str | None = None) -> list[Registration]:
        """Return all registrations, or those of a kind, sorted by kind, name and plugin."""
        kinds = [kind_named(kind)] if kind else list(KINDS)
        return [r for k in kinds for r in sorted(self._by_kind[k], key=lambda r: (r.name, r.plugin))]

    def find(self, kind: str, name: str) -> Registration:
        """Return the registration of a bare name, an alias or a qualified name `plugin:name`.

        Raises:
            UnknownName: there is none; the message names the nearest and lists all.
            AmbiguousName: several plugins offer the bare name.
        """
        kind = kind_named(kind)
        everything = self._by_kind[kind]
        plugin, _, bare = name.rpartition(":")
        matches = [
            r
            for r in everything
            if bare in (r.name, *r.spec.aliases) and (not plugin or canonical(r.plugin) == canonical(plugin))
        ]
        if len(matches) == 1:
            return matches[0]
        if matches:
            choices = _join(sorted(f"{r.plugin}:{bare}" for r in matches))
            raise AmbiguousName(f"{kind} {name!r} is offered by several plugins; choose one of {choices}")
        names = sorted({r.name for r in everything})
        near = did_you_mean(bare, [*(alias for r in everything for alias in r.spec.aliases), *names])
        raise UnknownName(
            f"unknown {kind} {name!r}.{near} Installed: {_join(names) or 'none'}" + self._hint(plugin)
        )

    def _hint(self, plugin: str) -> str:
        for problem in self.problems:
            if plugin and canonical(problem.plugin) == canonical(plugin):
                return f". {problem}"
        if plugin == LOCAL:
            return ". It was given from Python: only a program that registers it again can use it"
        plugins = {r.plugin for r in self}
        if plugin and canonical(plugin) not in map(canonical, plugins):
            return f". No plugin {plugin} is installed.{did_you_mean(plugin, plugins)}"
        count = len(self.problems)
        if not count:
            return ""
        return f". {count} plugin{'s' * (count > 1)} failed to load; run: snnplug list --errors"

    def use(self, kind: str, name: str, /, **parameters: Any) -> Component:
        """Return a component: the named thing with parameters, nothing imported yet.

        A parameter that takes another registered thing is given as a component, as a
        name, or as a table `{"use": name, **parameters}`.

        Raises:
            UnknownName, AmbiguousName: as for `find`, for nested names too.
            ParameterError: such a parameter is given something else.
        """
        return self._use(kind, name, parameters)

    def _use(self, kind: str, name: str, parameters: Mapping[str, Any], key: str = "") -> Component:
        try:
            registration = self.find(kind, name)
        except (UnknownName, AmbiguousName) as error:
            if not key:
                raise
            raise type(error)(f"{key}.use: {error}") from None
        from snnplug.registry.component import Component  # what a listing would pay for and not need

        spec = registration.spec
        resolved = {
            parameter: self._nested(spec.components[parameter], value, f"{key}.{parameter}".lstrip("."))
            if parameter in spec.components
            else value
            for parameter, value in parameters.items()
        }
        return Component(
            kind=registration.kind,
            plugin=registration.plugin,
            version=registration.version,
            name=spec.name,
            target=spec.target,
            parameters=resolved,
            key=key,
            spec=spec,
        )

    def _nested(self, kind: str, value: Any, key: str) -> Any:
        if isinstance(value, str):
            return self._use(kind, value, {}, key)
        if isinstance(value, Mapping):
            return self.component(kind, value, key)
        from snnplug.registry.component import Component

        if value is None or (isinstance(value, Component) and value.kind == kind):
            return value
        given = f"the {value.kind} {value.name!r}" if isinstance(value, Component) else repr(value)
        raise ParameterError(f'{key}: {given} is not a {kind}; give its name or a table {{ use = "name" }}')

    def component(self, kind: str, table: Mapping[str, Any], key: str = "") -> Component:
        """Return the component that a recipe's table `{"use": name, **parameters}` describes.

        Args:
            kind: its kind.
            table: the table.
            key: where it stands in the recipe, for messages.

        Raises:
            RecipeError: the table does not say what to use, or no plugin is installed.
            UnknownName, AmbiguousName, ParameterError: as for `use`.
        """
        if self.is_bare and not self.problems:
            raise RecipeError([nothing_installed()])
        name = table.get("use")
        if not isinstance(name, str):
            given = "it is missing" if name is None else f"{name!r} is not a name"
            raise RecipeError([f'{key or kind}.use: {given}; write use = "..." with the name of a {kind}'])
        parameters = {str(k): v for k, v in table.items() if k != "use"}
        return self._use(kind, name, parameters, key)

    def create(self, kind: str, name: str, /, *args: Any, **parameters: Any) -> Any:
        """Find, import and build: `registry.create("neuron", "my_neuron", tau=2.0)`."""
        return self.use(kind, name, **parameters).build(*args)

    def __getattr__(self, name: str) -> Namespace:
        kind = next((kind.name for kind in KINDS.values() if kind.plural == name), None)
        if kind is None:
            raise AttributeError(f"a Registry has no attribute {name!r}")
        return Namespace(self, kind)

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *(kind.plural for kind in KINDS.values())]

    def without(self, *plugins: str) -> Registry:
        """Return a registry without some plugins."""
        left_out = set(map(canonical, plugins))
        return Registry(
            (r for r in self.list() if canonical(r.plugin) not in left_out),
            self.problems,
            self.notes,
            (plugin for plugin in self.plugins if plugin.name not in left_out),
        )

    def merged(self, other: Registry) -> Registry:
        """Return the union.

        Raises:
            DuplicateName: both hold the same name of the same plugin.
        """
        return Registry(
            [*self.list(), *other.list()],
            [*self.problems, *other.problems],
            [*self.notes, *other.notes],
            [*self.plugins, *other.plugins],
        )

    def __len__(self) -> int:
        return sum(map(len, self._by_kind.values()))

    def __iter__(self) -> Iterator[Registration]:
        return iter(self.list())

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(rs)} {KINDS[k].plural}" for k, rs in self._by_kind.items() if rs)
        return f"<Registry: {counts or 'empty'}>"


def nothing_installed() -> str:
    """Return the line that says why there is nothing to use, and what to do."""
    if disabled := os.environ.get("SNNPLUG_DISABLE"):
        return f"no plugin is on: SNNPLUG_DISABLE={disabled} in the environment turns plugins off"
    where = "in a checkout of snnplug run: pip install -r plugins/requirements.txt"
    return f"no plugin is installed; {where}, or install one that somebody offers"


def _join(words: Iterable[str]) -> str:
    return ", ".join(words)
