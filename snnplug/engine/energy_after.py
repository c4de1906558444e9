"""Energy models asked after a run, of the activity that it recorded: nothing is run again."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from snnplug.engine.asked import asked_components
from snnplug.engine.energy import estimate
from snnplug.errors import RecipeError
from snnplug.recipe.read import recipe_text
from snnplug.recipe.section import Table
from snnplug.registry.registry import Registry
from snnplug.report.page import write_report
from snnplug.runs.energy_records import EnergyRecord
from snnplug.runs.opening import open_directory
from snnplug.runs.reading import activity_digest, read_activity, read_resolved, read_summary, to_plain

__all__ = ["estimate_run", "models_in"]


def models_in(file: str | Path) -> list[str | Table]:
    """Return `energy.models` of a TOML file, a whole recipe or not.

    Raises:
        RecipeError: the file cannot be read, or holds no such list.
    """
    try:
        content = tomllib.loads(recipe_text(file))
    except ValueError as error:
        if isinstance(error, RecipeError):
            raise
        raise RecipeError([f"{file} is not valid TOML: {error}"]) from error
    section = content.get("energy")
    models = section.get("models") if isinstance(section, dict) else None
    if not isinstance(models, list) or not models or not all(isinstance(m, dict | str) for m in models):
        raise RecipeError([f"{file} names no energy models: write [energy] models = [...] into it"])
    return models


def estimate_run(
    path: Path,
    models: Sequence[str | Table],
    registry: Registry,
    say: Callable[[str, str], object] = lambda line, details: None,
) -> EnergyRecord:
    """Ask models for the energy of a finished run, and write `energy.json` and the report.

    `summary.json` stays as it is. An `energy.json` that was there is replaced; into a shared run nothing is
    written.

    Args:
        path: the run directory.
        models: names or tables, as in `energy.models` of a recipe.
        registry: where names are looked up.
        say: called with a line and a traceback for each section of the report that cannot be made.

    Raises:
        RunDirectoryError: it is no run directory, or not finished, or damaged.
        UsageError: a model is not known or cannot be built.
        SnnplugError: a model has no estimate for this network.
    """
    directory = open_directory(path)
    with directory.locked(f"snnplug energy {path}") if directory.writable else nullcontext():
        read_resolved(directory)
        read_summary(directory)
        activity = read_activity(directory)
        components = asked_components("energy_model", models, registry, "models")
        record = EnergyRecord(
            activity=activity_digest(directory),
            models=tuple(component.to_dict() for component in components),
            energy=tuple(estimate(component, copy.deepcopy(activity)) for component in components),
        )
        if directory.writable:
            directory.write_json("energy.json", to_plain(record))
            write_report(path, say)
    return record
