"""A recipe with every name resolved and every parameter checked, before anything long starts."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import attrs

from snnplug.errors import RecipeError, SnnplugError
from snnplug.recipe.recipe import Recipe
from snnplug.registry.component import Component
from snnplug.registry.parameters import parameters_of
from snnplug.registry.registry import Registry

__all__ = ["Objective", "Plan", "make_plan"]


@attrs.frozen
class Objective:
    """A scorer that the search looks at beside its own; `sign` is 1 to maximise it, -1 to minimise."""

    component: Component
    sign: float

    @property
    def goal(self) -> str:
        """The word of the recipe."""
        return "max" if self.sign > 0 else "min"


@attrs.frozen(kw_only=True)
class Plan:
    """What will run.

    Attributes:
        recipe: as given.
        dataset, encoder, neuron, loss: components.
        architecture: component, or None where one is searched for.
        space, strategy, scorer: components of the search, or None.
        baselines: scorers that are recorded beside the search's own.
        objectives: scorers that the search weighs against its own.
        energy_models: components.
        notes: what was dropped or assumed, for the user to read.
    """

    recipe: Recipe
    dataset: Component
    encoder: Component
    neuron: Component
    loss: Component
    architecture: Component | None = None
    space: Component | None = None
    strategy: Component | None = None
    scorer: Component | None = None
    scorer_sign: float = 1.0
    baselines: tuple[Component, ...] = ()
    objectives: tuple[Objective, ...] = ()
    energy_models: tuple[Component, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def components(self) -> dict[str, Component]:
        """All components by the key of the recipe they stand under."""
        found = {
            "dataset": self.dataset,
            "encoder": self.encoder,
            "neuron": self.neuron,
            "architecture": self.architecture,
            "search.space": self.space,
            "search.strategy": self.strategy,
            "search.scorer": self.scorer,
            **{f"search.objectives.{o.component.name}": o.component for o in self.objectives},
            "loss": self.loss,
            **{f"energy.models.{i}": model for i, model in enumerate(self.energy_models)},
        }
        return {key: component for key, component in found.items() if component is not None}


def make_plan(recipe: Recipe, registry: Registry) -> Plan:
    """Resolve a recipe against a registry and check every parameter.

    Raises:
        RecipeError: with a line for each name or parameter that is wrong.
    """
    return _Resolver(recipe, registry).plan()


class _Resolver:
    def __init__(self, recipe: Recipe, registry: Registry) -> None:
        self.recipe, self.registry = recipe, registry
        self.problems: list[str] = []
        self.notes: list[str] = []

    def plan(self) -> Plan:
        recipe = self.recipe
        neuron = self.resolve("neuron", "neuron", recipe.neuron)
        parts: dict[str, Any] = {
            "dataset": self.resolve("dataset", "dataset", recipe.dataset),
            "encoder": self.resolve("encoder", "encoder", recipe.encoder),
            "neuron": neuron,
            "loss": self.resolve("loss", "loss", recipe.loss),
        }
        if recipe.architecture is not None:
            parts["architecture"] = self.resolve("architecture", "architecture", recipe.architecture, neuron)
        if recipe.search is not None:
            search = recipe.search
            parts["space"] = self.resolve("search_space", "search.space", search.space, neuron)
            parts["strategy"] = self.resolve("strategy", "search.strategy", search.strategy)
            parts["scorer"] = self.resolve("scorer", "search.scorer", search.scorer)
            parts |= self.scoring(parts["scorer"])
        parts["energy_models"] = tuple(
            self.resolve(
                "energy_model", f"energy.models.{i}", {"use": model} if isinstance(model, str) else model
            )
            for i, model in enumerate(recipe.energy.models)
        )
        if self.problems:
            raise RecipeError(self.problems)
        return Plan(recipe=recipe, notes=tuple(self.notes), **parts)

    def scoring(self, scorer: Component | None) -> dict[str, Any]:
        if scorer is None:
            return {}
        own = self.registry.find("scorer", scorer.qualified)
        baselines = [
            self.registry.use("scorer", r.qualified)
            for r in self.registry.list("scorer")
            if getattr(r.spec, "baseline", False)
        ]
        assert self.recipe.search is not None
        wanted = self.recipe.search.baselines
        return {
            "objectives": self.objectives(scorer, self.recipe.search.objectives),
            "scorer_sign": 1.0 if getattr(own.spec, "higher_is_better", True) else -1.0,
            "baselines": tuple(baselines) if wanted else (),
        }

    def objectives(self, scorer: Component, goals: Mapping[str, str]) -> tuple[Objective, ...]:
        found: dict[str, Objective] = {}
        for name, goal in goals.items():
            key = f"search.objectives.{name}"
            component = self.resolve("scorer", key, {"use": name})
            if component is None:
                continue
            if component.qualified == scorer.qualified:
                self.problems.append(f"{key}: it is the scorer of the search already")
            elif component.qualified in found:
                self.problems.append(f"{key}: it is named twice")
            found[component.qualified] = Objective(component, 1.0 if goal == "max" else -1.0)
        return tuple(found.values())

    def resolve(
        self, kind: str, key: str, table: Mapping[str, Any], neuron: Component | None = None
    ) -> Component | None:
        try:
            component = self.registry.component(kind, table, key)
            known, open_ended = parameters_of(component.load())
        except RecipeError as error:
            self.problems += error.problems
            return None
        except SnnplugError as error:
            self.problems.append(str(error) if str(error).startswith(key) else f"{key}: {error}")
            return None
        if key in self.recipe.replaced and not open_ended:
            component = self.drop_foreign(component, key, known)
        takes_neuron = kind in ("architecture", "search_space") and "neuron" in known
        if neuron is not None and takes_neuron and "neuron" not in component.parameters:
            component = component.with_parameters(neuron=neuron)
        mistakes = component.check(key)
        if takes_neuron and neuron is None:  # its own mistake has been said
            mistakes = [line for line in mistakes if not line.startswith(f"{key}.neuron: missing")]
        self.problems += mistakes
        return component

    def drop_foreign(self, component: Component, key: str, known: Container[str]) -> Component:
        """Leave out what the recipe had set for the thing that an override replaced."""
        foreign = [name for name in component.parameters if name not in known]
        if not foreign:
            return component
        self.notes.append(
            f"{key} is now {component.name}: left out {', '.join(f'{key}.{n}' for n in foreign)}"
        )
        kept = {k: v for k, v in component.parameters.items() if k not in foreign}
        return attrs.evolve(component, parameters=kept)
