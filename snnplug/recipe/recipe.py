"""Recipes: an experiment as a TOML file, and errors that name the key.

A recipe names registered things in tables `{ use = "name", parameter = value }`, or by the name alone. What
it does not say is taken from the built-in default recipe, see `snnplug.recipe.default`; where it says what to
build and what to do, a stage runs only if the recipe has its table.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import attrs

from snnplug.errors import RecipeError, did_you_mean
from snnplug.recipe import stages
from snnplug.recipe.default import complete, fill_in
from snnplug.recipe.limits import beyond_64_bits, refuse_deep
from snnplug.recipe.section import Goal, Named, Table, is_named, named_in, uses
from snnplug.recipe.stages import StageSpec, sections
from snnplug.recipe.tables import lookup, put
from snnplug.registry.structure import WrongTypeError, converter, explain

__all__ = ["Recipe"]

_at_least_0: Any = attrs.validators.ge(0)
_NOT_SAID = ("overridden", "sections")  # attributes that are no keys of the file


@attrs.frozen(kw_only=True)
class Recipe:
    """An experiment. Tables name registered things; the stages' sections have classes of their own.

    Attributes:
        name: shown in listings and in the report.
        seed: everything random follows from it.
        dataset, encoder, neuron, architecture, loss: tables.
        sections: the stages' sections by name; also attributes: `recipe.train` is None without `[train]`.
        overridden: keys that overrides have set, with what stood there. Where the `use` of a table is one of
            them, parameters that were for the thing before, and that the new one does not have, are dropped.
    """

    name: str = "recipe"
    seed: int = attrs.field(default=0, validator=_at_least_0)
    dataset: Table = uses("dataset")
    encoder: Table = uses("encoder")
    neuron: Table = uses("neuron")
    architecture: Table | None = uses("architecture", None)
    loss: Table = uses("loss")
    sections: Mapping[str, Any] = attrs.field(factory=dict)
    overridden: Mapping[str, Any] = attrs.field(factory=dict, eq=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, name: str = "recipe") -> Recipe:
        """Build a recipe from plain data, as read from TOML.

        Raises:
            RecipeError: a key is unknown or missing, or a value is of the wrong type or out of
                range; every mistake is listed.
        """
        refuse_deep(data)
        return _Reader({"name": name, **copy.deepcopy(dict(data))}).recipe()

    def to_dict(self) -> Table:
        """Return plain data that `from_dict` accepts."""
        own = {k: v for k, v in attrs.asdict(self, recurse=False).items() if k not in _NOT_SAID}
        data: Table = {k: copy.deepcopy(v) for k, v in own.items() if v is not None}
        for name, section in sorted(self.sections.items(), key=lambda item: item[0].count(".")):
            table = attrs.asdict(section, filter=lambda _, value: value is not None)
            data = put(data, name, {key.rstrip("_"): value for key, value in table.items()})
        return data

    @property
    def named(self) -> list[Named]:
        """Every use of a registered thing that the recipe spells out."""
        inside = (named_in(section, name) for name, section in self.sections.items())
        return [*named_in(self), *(use for uses in inside for use in uses)]

    @property
    def running(self) -> tuple[StageSpec, ...]:
        """The stages that this recipe runs, in order."""
        found: list[StageSpec] = []
        for spec in stages.STAGES:
            network = any(earlier.load().gives == "network" for earlier in found)
            if spec.load().wanted(self, network):
                found.append(spec)
        return tuple(found)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages that this recipe runs, in order; the report is always the last."""
        return (*(stage.name for stage in self.running), "report")

    def __getattr__(self, name: str) -> Any:
        if name in sections():
            return self.sections.get(name)
        raise AttributeError(f"a Recipe has no attribute {name!r}")


class _Reader:
    """From plain data to a recipe, every mistake collected."""

    def __init__(self, data: Table) -> None:
        self.data = data
        self.problems: list[str] = []

    def recipe(self) -> Recipe:
        known = sections()
        if big := list(beyond_64_bits(self.data)):
            raise RecipeError(f"{key}: this whole number does not fit into 64 bits" for key in big)
        self._refuse_unknown(known)
        gives = {stage.name: stage.load().gives for stage in stages.STAGES}
        finders = [name for name, what in gives.items() if what == "genotype"]
        complete(self.data, finders, [name for name, what in gives.items() if what or "." in name])
        tables = {name: self._take(name) for name in sorted(known, key=lambda n: -n.count("."))}
        fill_in(self.data, Recipe, "")
        found = {}
        for name, section in known.items():
            table = tables[name]
            around = name.rpartition(".")[0]
            if table is None and not (self._is_implied(name) and (not around or around in found)):
                continue
            if isinstance(table, dict):
                fill_in(table, section, name)
            found[name] = self._structure({} if table is None else table, section, name)
        core = self._structure(self.data, Recipe, "")
        if self.problems:
            raise RecipeError(self.problems)
        recipe: Recipe = attrs.evolve(core, sections=found)
        _refuse_both(recipe)
        return recipe

    def _take(self, name: str) -> Any:
        """Take a section's table out of the data, so that the one around it is structured without it."""
        *path, last = name.split(".")
        around = lookup(self.data, ".".join(path)) if path else self.data
        return around.pop(last, None) if isinstance(around, dict) else None

    @staticmethod
    def _is_implied(name: str) -> bool:
        return any(name in stage.load().implied for stage in stages.STAGES)

    def _refuse_unknown(self, known: Iterable[str]) -> None:
        core = [field.name for field in attrs.fields(Recipe) if field.name not in _NOT_SAID]
        allowed = [*core, *(name for name in known if "." not in name)]
        unknown = [key for key in self.data if key not in allowed]
        if unknown:
            hints = "".join(did_you_mean(key, allowed) for key in sorted(unknown))
            names = ", ".join(map(repr, sorted(unknown)))
            self.problems.append(f"unknown key {names}.{hints} Keys: {', '.join(allowed)}")
        for key in unknown:
            del self.data[key]

    def _structure(self, table: Any, section: type, key: str) -> Any:
        if isinstance(table, dict):  # a key that is a word of Python, such as `from`, has an underscore there
            words = {f.name.rstrip("_"): f.name for f in attrs.fields(section) if f.name.endswith("_")}
            table = {words.get(name, name): value for name, value in table.items()}
            table = _spelt_out(table, section)
        try:
            return _converter().structure(table, section)
        except Exception as error:
            self.problems += explain(error, key)
            return None


def _spelt_out(table: Table, section: type) -> Table:
    """Return a table with `{ use = "name" }` where a name alone stands for that, in tables inside it too."""
    found = dict(table)
    for field in attrs.fields(attrs.resolve_types(section)):
        value = found.get(field.name)
        if is_named(field) and isinstance(value, str):
            found[field.name] = {"use": value}
        elif isinstance(value, dict) and field.type is not None and attrs.has(field.type):
            found[field.name] = _spelt_out(value, field.type)
    return found


def _refuse_both(recipe: Recipe) -> None:
    found = [spec.name for spec in recipe.running if spec.load().gives == "genotype"]
    if found and recipe.architecture is not None:
        raise RecipeError([f"[architecture] and [{found[0]}] exclude each other: remove one"])


@functools.cache
def _converter() -> Any:
    strict = converter().copy()
    strict.register_structure_hook(float, _structure_finite)
    strict.register_structure_hook_func(lambda t: t == Table, _structure_table)
    strict.register_structure_hook_func(lambda t: t == Table | None, _structure_optional_table)
    strict.register_structure_hook_func(lambda t: t == str | Table, _structure_name_or_table)
    strict.register_structure_hook_func(lambda t: t == Goal | Table, _structure_goal)
    return strict


def _structure_finite(value: Any, _: Any) -> float:
    found: float = converter().structure(value, float)
    if math.isinf(found):
        raise WrongTypeError(f"{value!r} is not a finite number")
    return found


def _structure_table(value: Any, _: Any) -> Table:
    if not isinstance(value, dict):
        raise TypeError(f'{value!r} is not a table; write {{ use = "name" }}')
    return value


def _structure_optional_table(value: Any, _: Any) -> Table | None:
    return None if value is None else _structure_table(value, _)


def _structure_goal(value: Any, _: Any) -> str | Table:
    goals = ", ".join(map(repr, get_args(Goal)))
    if isinstance(value, dict) and "goal" not in value:
        raise WrongTypeError(f"the key 'goal' is missing; give one of {goals}")
    goal = value["goal"] if isinstance(value, dict) else value
    if not isinstance(goal, str) or goal not in get_args(Goal):
        raise WrongTypeError(f"{goal!r} is not one of {goals}")
    found: str | Table = value
    return found


def _structure_name_or_table(value: Any, _: Any) -> str | Table:
    return value if isinstance(value, str) else _structure_table(value, _)
