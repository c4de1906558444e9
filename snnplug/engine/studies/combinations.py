"""The combinations of a study: one value of each axis."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from snnplug.engine.studies.file import StudyFile
from snnplug.errors import RecipeError, did_you_mean
from snnplug.recipe.recipe import Recipe
from snnplug.seeds import digest

__all__ = ["Combination", "Job", "baseline_of", "combinations", "job_of", "jobs"]

_UNSAFE = re.compile(r"[^A-Za-z0-9._=,+-]+")
_LONGEST = 80  # letters of a directory's name


@attrs.frozen
class Combination:
    """One value of each axis, by the axis's key."""

    values: Mapping[str, Any]

    @property
    def labels(self) -> dict[str, str]:
        """The values in a few words, by key."""
        return {key: _label(value) for key, value in self.values.items()}

    @property
    def name(self) -> str:
        """All of it in a line."""
        return ", ".join(f"{key} = {text}" for key, text in self.labels.items()) or "the recipe"

    def agrees(self, condition: Mapping[str, Any]) -> bool:
        """Whether it has all values of a condition; a list stands for any of its values."""
        return all(
            any(_same(self.values[key], one) for one in (wanted if isinstance(wanted, list) else [wanted]))
            for key, wanted in condition.items()
        )


@attrs.frozen
class Job:
    """A run of a study.

    Attributes:
        combination, seed: what it is.
        recipe: of the run.
        directory: name of its run directory inside that of the study: the same for the same recipe.
    """

    combination: Combination
    seed: int
    recipe: Recipe
    directory: str


def _label(value: Any) -> str:
    """Return a value of an axis in a few words."""
    if isinstance(value, dict) and "use" in value:
        more = ", ".join(f"{key} = {_label(part)}" for key, part in value.items() if key != "use")
        return f"{_bare(value['use'])} ({more})" if more else _bare(value["use"])
    if isinstance(value, float):
        return f"{value:.6g}" if value != int(value) or abs(value) >= 1e6 else str(value)
    return value if isinstance(value, str) else json.dumps(value)


def combinations(study: StudyFile) -> list[Combination]:
    """Return the combinations of a study, in the order of its axes, without those that are left out.

    Raises:
        RecipeError: a condition names what is no axis, or nothing is left.
    """
    for condition in (study.baseline, *study.leave_out):
        if unknown := [key for key in condition if key not in (*study.axes, *study.ranges)]:
            key, axes = unknown[0], ", ".join(study.axes) or "none"
            hint = did_you_mean(key, study.axes)
            raise RecipeError([f"{key} is named in a condition and is no axis.{hint} Axes: {axes}"])
    found = [
        Combination(dict(zip(study.axes, values, strict=True)))
        for values in itertools.product(*study.axes.values())
    ]
    left = [one for one in found if not any(one.agrees(condition) for condition in study.leave_out)]
    if not left:
        raise RecipeError([f"leave_out leaves none of {len(found)} combinations; leave out less"])
    return left


def baseline_of(study: StudyFile, found: Sequence[Combination]) -> Combination:
    """Return the combination that others are compared with: the first that agrees with what the study says.

    Raises:
        RecipeError: what the study says is none of its combinations.
    """
    for one in found:
        if one.agrees(study.baseline):
            return one
    raise RecipeError([f"baseline {dict(study.baseline)} is no combination of the study"])


def jobs(study: StudyFile, found: Sequence[Combination]) -> list[Job]:
    """Return the runs of a study: all combinations with the first seed, then with the next.

    Raises:
        RecipeError: a recipe is wrong.
    """
    return [job_of(study, one, seed) for seed in study.seeds for one in found]


def job_of(study: StudyFile, one: Combination, seed: int) -> Job:
    """Return the run of a combination with a seed; errors as of `jobs`."""
    recipe = study.recipe_of(one.values, seed)
    name = ",".join(f"{key.rpartition('.')[2]}={text}" for key, text in one.labels.items())
    name = _UNSAFE.sub("", name.replace(" (", "."))[:_LONGEST] or "run"
    mark = digest(attrs.evolve(recipe, name="").to_dict())[:8]
    return Job(one, seed, recipe, f"{name},seed={seed}-{mark}")


def _bare(name: Any) -> str:
    return str(name).rpartition(":")[2]


def _same(value: Any, wanted: Any) -> bool:
    """Whether a value is the one wanted; a name alone stands for any table with that `use`."""
    if isinstance(wanted, str) and isinstance(value, dict):
        return wanted in (value.get("use"), _label(value), _bare(value.get("use", "")))
    return bool(value == wanted) and type(value) is type(wanted)
