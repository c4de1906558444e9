"""The file of a study: a recipe, what is varied in it, and what is asked of the results."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from snnplug.engine.studies.ranges import SAMPLING, Range, read_ranges, sampling_problems
from snnplug.errors import RecipeError, did_you_mean
from snnplug.recipe.built_in import built_in_recipes
from snnplug.recipe.limits import read_limited, refuse_deep
from snnplug.recipe.overrides import apply_settings
from snnplug.recipe.read import recipe_data
from snnplug.recipe.recipe import Recipe

__all__ = ["StudyFile", "read_study"]

_MEASURES = {"accuracy.test": "max", "spikes_per_sample": "min"}
_SEEDS = 3
_NAMED_TABLES = ("axes", "set", "measures", "baseline", "ranges")


@attrs.frozen(kw_only=True)
class StudyFile:
    """What a study is to do.

    Attributes:
        name: of the study.
        recipe: plain data that all runs begin with.
        settings: values by key that are the same for all.
        axes: values by key of the recipe.
        seeds: each combination is run with each of them.
        measures: "max" or "min" by name: a dotted path in summary.json, or a figure's name as
            `snnplug compare` prints it.
        baseline: values by key of the combination that others are compared with.
        leave_out: combinations that agree with all values of one of these tables are not run; a list of
            values stands for any of them.
        ranges: numbers that a sampler draws from, by key of the recipe.
        samples: how many combinations are drawn; 0 for all, without a sampler.
        sampler: "tpe" (tree-structured Parzen estimator) or "random"; `sampler_seed` is its seed.
        round_size: combinations drawn at a time; what they have come to is told after each round.
        prune: do not run a combination with further seeds that is worse than the median after the first ones.
        text: as it was given.
    """

    name: str
    recipe: Mapping[str, Any]
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    axes: Mapping[str, Sequence[Any]]
    seeds: tuple[int, ...]
    measures: Mapping[str, str]
    baseline: Mapping[str, Any] = attrs.field(factory=dict)
    leave_out: Sequence[Mapping[str, Any]] = ()
    ranges: Mapping[str, Range] = attrs.field(factory=dict)
    samples: int = 0
    sampler: str = "tpe"
    sampler_seed: int = 0
    round_size: int = 4
    prune: bool = False
    text: str = ""

    def recipe_of(self, values: Mapping[str, Any], seed: int) -> Recipe:
        """Return the recipe of a run, with the values of the axes.

        Raises:
            RecipeError: something in it is wrong.
        """
        data, overridden = apply_settings(dict(self.recipe), {**self.settings, **values, "seed": seed})
        recipe = attrs.evolve(Recipe.from_dict(data, name=self.name), overridden=overridden)
        if recipe.search is None or recipe.search.workers == 1:
            return recipe
        search = attrs.evolve(recipe.search, workers=1)  # the study has processes enough; the result is equal
        return attrs.evolve(recipe, sections={**recipe.sections, "search": search})


def read_study(source: str | Path) -> StudyFile:
    """Read the file of a study.

    Raises:
        RecipeError: it is not there, or something in it is wrong; a line for each mistake.
    """
    path = Path(source)
    try:
        text = read_limited(path).decode("utf-8-sig")
        data = tomllib.loads(text)
    except FileNotFoundError as error:
        raise RecipeError(
            [f"no study file {str(source)!r}; write one: docs/studies.md has an example"]
        ) from error
    except RecipeError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise RecipeError([f"cannot read the study {str(source)!r}: {error}"]) from error
    refuse_deep(data)
    return _study(data, path, text)


def _study(data: dict[str, Any], path: Path, text: str) -> StudyFile:
    known = {"name", "recipe", "seeds", *_NAMED_TABLES, "leave_out", *SAMPLING}
    problems = [f"{key}: unknown key.{did_you_mean(key, known)}" for key in data if key not in known]
    problems += [
        f"{key} must be a table, got {data[key]!r}"
        for key in _NAMED_TABLES
        if not isinstance(data.get(key, {}), dict)
    ]
    leave_out = data.get("leave_out", [])
    if not isinstance(leave_out, list) or not all(isinstance(one, dict) for one in leave_out):
        problems.append(f"leave_out must be a list of tables [[leave_out]], got {leave_out!r}")
    if "recipe" not in data:
        problems.append('recipe is missing: give recipe = "default", a file, or a table [recipe]')
    if problems:
        raise RecipeError([f"{path}: {problem}" for problem in problems])
    axes = dict(_flat(data.get("axes", {}), lists=True))
    problems += [
        f"axes.{key} must be a list of different values, got {values!r}"
        for key, values in axes.items()
        if not isinstance(values, list) or not values or any(values.count(value) > 1 for value in values)
    ]
    measures = dict(_flat(data.get("measures", {}))) or _MEASURES
    problems += [
        f'measures.{name} must be "max" or "min", got {way!r}'
        for name, way in measures.items()
        if way not in ("max", "min")
    ]
    ranges, wrong = read_ranges(data.get("ranges", {}), axes)
    problems += [*wrong, *sampling_problems(data, ranges, measures)]
    if problems:
        raise RecipeError([f"{path}: {problem}" for problem in problems])
    return StudyFile(
        name=str(data.get("name", path.stem)),
        recipe=_base(data["recipe"], path),
        settings=dict(_flat(data.get("set", {}))),
        axes=axes,
        seeds=_seeds(data.get("seeds", _SEEDS), path),
        measures=measures,
        baseline=dict(_flat(data.get("baseline", {}))),
        leave_out=[dict(_flat(one)) for one in leave_out],
        ranges=ranges,
        text=text,
        **{name: data[name] for name in SAMPLING if name in data},
    )


def _flat(table: Mapping[str, Any], *, lists: bool = False, around: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys with what stands there: what is no table, or one with `use`."""
    for name, value in table.items():
        key = f"{around}{name}"
        if isinstance(value, dict) and "use" not in value and value:
            yield from _flat(value, lists=lists, around=f"{key}.")
        else:
            yield key, value


def _base(recipe: Any, path: Path) -> dict[str, Any]:
    if isinstance(recipe, dict):
        return recipe
    if not isinstance(recipe, str):
        raise RecipeError([f"{path}: recipe must be a name, a file or a table, got {recipe!r}"])
    beside = path.parent / recipe
    taken = beside if recipe not in built_in_recipes() and beside.exists() else recipe
    data, _ = recipe_data(taken)
    return {name: value for name, value in data.items() if name != "name"}


def _seeds(seeds: Any, path: Path) -> tuple[int, ...]:
    found = list(range(seeds)) if isinstance(seeds, int) and not isinstance(seeds, bool) else seeds
    whole = isinstance(found, list) and all(isinstance(s, int) and not isinstance(s, bool) for s in found)
    if not whole or not found or len(set(found)) < len(found):
        raise RecipeError(
            [f"{path}: seeds must be how many (at least 1), or a list of different numbers, got {seeds!r}"]
        )
    return tuple(found)
