"""A recipe with every name resolved and every parameter checked, before anything long starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import attrs

from snnplug.errors import RecipeError, SnnplugError
from snnplug.recipe.default import default_data
from snnplug.recipe.recipe import Recipe
from snnplug.recipe.section import Table, fields_of, has_own_name, with_goal
from snnplug.recipe.tables import lookup, put
from snnplug.registry.component import Component
from snnplug.registry.kinds import KINDS
from snnplug.registry.registry import Registry

__all__ = ["Plan", "make_plan"]

_AROUND_NEURONS = ("architecture", "search_space")  # they take the recipe's neuron where none is given


@attrs.frozen(kw_only=True)
class Plan:
    """What will run.

    Attributes:
        recipe: as given.
        components: what the recipe names, by key: `plan["neuron"]`, `plan["search.scorer"]`.
        implied: what it stands for without naming it, such as all installed things of a sort.
        notes: what was dropped or assumed, for the user to read.
    """

    recipe: Recipe
    components: Mapping[str, Component]
    implied: Mapping[str, Component] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> Component:
        return self.components[key]

    def get(self, key: str) -> Component | None:
        """Return the component under a key, or None."""
        return self.components.get(key)

    @property
    def space(self) -> Component | None:
        """The search space, None where the recipe names an architecture."""
        return next((c for c in self.components.values() if c.kind == "search_space"), None)

    def with_neuron(self, neuron: Component) -> Plan:
        """Return the plan with another neuron wherever the recipe's stands."""
        before = self["neuron"]
        components = {
            key: _each_around(c, lambda around: _swap(around, before, neuron))
            for key, c in self.components.items()
        }
        return attrs.evolve(self, components={**components, "neuron": neuron})

    def with_space(self, parameters: Mapping[str, Any]) -> Plan:
        """Return the plan with other parameters of the search space."""
        components = {
            key: c.with_parameters(**parameters) if c.kind == "search_space" else c
            for key, c in self.components.items()
        }
        return attrs.evolve(self, components=components)

    def under(self, key: str) -> dict[str, Component]:
        """Return the components below a key, by the rest of their own keys: named ones, then implied ones."""
        found = {**self.components, **self.implied}
        return {k.removeprefix(f"{key}."): c for k, c in found.items() if k.startswith(f"{key}.")}

    def used(self) -> Iterator[Component]:
        """Yield every component, nested and implied ones too."""
        for component in (*self.components.values(), *self.implied.values()):
            yield from component.walk()

    def resolved_recipe(self) -> Table:
        """Return the recipe with qualified names, which gives the same plan again."""
        data = self.recipe.to_dict()
        for key, component in self.components.items():
            bare = _each_around(component, lambda around: _without(around, self["neuron"]))
            self._write(data, key, bare.to_dict())
        return data

    def _write(self, data: Table, key: str, table: Table) -> None:
        around, _, name = key.rpartition(".")
        if around in self._mappings:
            place = _place(data, around)
            value = place.pop(name)
            place[name if has_own_name(value) else table["use"]] = with_goal(value, table)
        else:
            put(data, key, table)

    @property
    def _mappings(self) -> list[str]:
        """Keys of the mappings from names to goals."""
        return [
            f"{name}.{field.name}"
            for name, section in self.recipe.sections.items()
            for field, use in fields_of(type(section))
            if use.form == "goals"
        ]


def _each_around(component: Component, change: Callable[[Component], Component]) -> Component:
    """Return a component with a change of it, and of those inside, where they take the recipe's neuron."""
    if component.kind not in _AROUND_NEURONS:
        return component
    inside = {
        name: _each_around(value, change) if isinstance(value, Component) else value
        for name, value in component.parameters.items()
    }
    return change(attrs.evolve(component, parameters=inside))


def _swap(component: Component, before: Component, neuron: Component) -> Component:
    same = component.parameters.get("neuron") == before
    return component.with_parameters(neuron=neuron) if same else component


def _without(component: Component, neuron: Component) -> Component:
    if component.parameters.get("neuron") != neuron:
        return component
    rest = {name: value for name, value in component.parameters.items() if name != "neuron"}
    return attrs.evolve(component, parameters=rest)


def _place(data: Any, key: str) -> Any:
    for part in key.split("."):
        data = data[part]
    return data


def make_plan(recipe: Recipe, registry: Registry, kinds: Collection[str] = tuple(KINDS)) -> Plan:
    """Resolve a recipe against a registry and check every parameter.

    Args:
        recipe: what to resolve.
        registry: where names are looked up.
        kinds: what is needed; things of other kinds need not be installed.

    Raises:
        RecipeError: with a line for each name or parameter that is wrong.
    """
    return _Resolver(recipe, registry, kinds).plan()


class _Resolver:
    def __init__(self, recipe: Recipe, registry: Registry, kinds: Collection[str]) -> None:
        self.recipe, self.registry, self.kinds = recipe, registry, kinds
        self.problems: list[str] = []
        self.notes: list[str] = []

    def plan(self) -> Plan:
        found: dict[str, Component] = {}
        named = [use for use in self.recipe.named if use.kind in self.kinds]
        for use in sorted(named, key=lambda use: use.kind in _AROUND_NEURONS):  # neurons come before
            component = self.resolve(use.kind, use.key, use.table, found.get("neuron"))
            if component is not None:
                found[use.key] = component
        implied = dict(self.implied())
        if self.problems:
            raise RecipeError(self.problems)
        ordered = {use.key: found[use.key] for use in named}
        return Plan(recipe=self.recipe, components=ordered, implied=implied, notes=tuple(self.notes))

    def implied(self) -> Iterator[tuple[str, Component]]:
        for name, section in self.recipe.sections.items():
            for field, use in fields_of(type(section)):
                key = f"{name}.{field.name}"
                if use.form != "all" or not getattr(section, field.name) or use.kind not in self.kinds:
                    continue
                for registration in self.registry.list(use.kind):
                    if getattr(registration.spec, use.flag):
                        component = self.registry.use(use.kind, registration.qualified)
                        yield f"{key}.{component.qualified}", component

    def resolve(
        self, kind: str, key: str, table: Mapping[str, Any], neuron: Component | None
    ) -> Component | None:
        try:
            component = self.registry.component(kind, table, key)
            known, open_ended = component.known_parameters()
        except RecipeError as error:
            self.problems += error.problems
            return None
        except SnnplugError as error:
            self.problems.append(str(error) if str(error).startswith(key) else f"{key}: {error}")
            return None
        if f"{key}.use" in self.recipe.overridden and not open_ended:
            component = self.drop_foreign(component, key, set(known))
        around: list[Component] = []
        given = _each_around(component, lambda inner: self.give(inner, neuron, around))
        # the neuron's own mistakes have been said, and it is said when there is none
        said = tuple(f"{inner.key}.neuron{end}" for inner in around for end in (".", ":"))
        self.problems += [line for line in given.check(key) if not line.startswith(said)]
        return given

    @staticmethod
    def give(component: Component, neuron: Component | None, around: list[Component]) -> Component:
        """Give the recipe's neuron to what takes one and names none; `around` gets it."""
        try:
            if "neuron" in component.parameters or not component.takes("neuron"):
                return component
        except SnnplugError:  # which is said where it is checked
            return component
        around.append(component)
        return component if neuron is None else component.with_parameters(neuron=neuron)

    def drop_foreign(self, component: Component, key: str, known: set[str]) -> Component:
        """Leave out what the recipe had set for the thing that an override replaced."""
        mine = {
            given.removeprefix(f"{key}.").partition(".")[0]
            for given in self.recipe.overridden
            if given.startswith(f"{key}.")
        }
        theirs = self.parameters_before(component.kind, key)
        foreign = [
            name
            for name in component.parameters
            if name not in known | mine and (theirs is None or name in theirs)
        ]
        if not foreign:
            return component
        self.notes.append(
            f"{key} is now {component.name}: left out {', '.join(f'{key}.{n}' for n in foreign)}"
        )
        kept = {k: v for k, v in component.parameters.items() if k not in foreign}
        return attrs.evolve(component, parameters=kept)

    def parameters_before(self, kind: str, key: str) -> Collection[str] | None:
        """Return what the thing that an override replaced takes; None where that cannot be known."""
        before = self.recipe.overridden[f"{key}.use"] or lookup(default_data(), f"{key}.use")
        try:
            known, open_ended = self.registry.component(kind, {"use": before}).known_parameters()
        except SnnplugError:
            return None
        return None if open_ended else known
