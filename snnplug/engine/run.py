"""Running and continuing a recipe, from Python and from the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from snnplug.engine.order import Order, other_versions
from snnplug.engine.progress import Reporter
from snnplug.engine.provenance import changed_since, recorded_origin
from snnplug.engine.result import Run
from snnplug.recipe.built_in import DEFAULT
from snnplug.recipe.overrides import apply_overrides
from snnplug.recipe.read import read_recipe, recipe_text, to_toml
from snnplug.recipe.recipe import Recipe
from snnplug.registry.registry import Registry
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import read_resolved
from snnplug.runs.records import Threads

__all__ = ["parse_recipe", "recorded_recipe", "resume", "run"]


def run(
    recipe: str | Path | Mapping[str, Any] | Recipe = DEFAULT,
    *,
    out: str | Path | None = None,
    overrides: Iterable[str] = (),
    device: str = "auto",
    devices: int = 1,
    registry: Registry | None = None,
    quiet: bool = True,
    dashboard: bool = False,
    threads: Threads | None = None,
) -> Run:
    """Run a recipe from the start.

    Args:
        recipe: path of a TOML file, name of a built-in recipe, its content, or a `Recipe`.
        out: run directory to make; by default a new one under runs/.
        overrides: texts `key=value`.
        device: "auto", "cpu" or "cuda".
        devices: number of GPUs.
        registry: where names are looked up; by default every installed plugin.
        quiet: print nothing.
        dashboard: serve Optuna's dashboard of the search until the run ends; its address is printed
            also where `quiet`.
        threads: CPU threads as another run has recorded them, since they decide the last bits of its sums;
            by default what this machine has.

    Raises:
        UsageError: something given is wrong; nothing has been started.
        RunFailed: the run stopped half way; `resume` continues it.
    """
    overrides = tuple(overrides)
    parsed, text = parse_recipe(recipe, overrides)
    directory = None if out is None else RunDirectory(Path(out))
    if directory is not None:
        directory.refuse_existing()
    label = str(recipe) if isinstance(recipe, str | Path) else "recipe.toml"
    order = Order(
        recipe=parsed,
        registry=registry or Registry.from_installed(quiet=quiet),
        directory=directory,
        command=" ".join(["snnplug run", label, *(f"-s {o}" for o in overrides)]),
        text=text,
        report=Reporter(quiet=quiet),
        dashboard=dashboard,
        threads=threads,
    )
    return order.execute(device, devices)


def resume(
    directory: str | Path,
    *,
    device: str = "auto",
    devices: int = 1,
    registry: Registry | None = None,
    quiet: bool = True,
    dashboard: bool = False,
    accept_versions: bool = False,
    retry_failed: bool = False,
) -> Run:
    """Continue a run that was stopped; a finished one is measured and reported again.

    Args:
        directory: of the run.
        device: as `run` takes it.
        devices: as `run` takes it.
        registry: as `run` takes it.
        quiet: as `run` takes it.
        dashboard: as `run` takes it.
        accept_versions: go on with other versions of plugins than those the run was begun with; they are
            recorded. A result that they change replaces the one that stands, which is kept beside it.
        retry_failed: score candidates again that have failed; what that changes is replaced likewise.

    Raises:
        RunDirectoryError: it is not a run directory, another process is running in it, or it was begun
            with other versions of what computes, or other files of the same version.
        RunFailed: it was finished, and gives another result now; what stands is left as it is.
    """
    opened = RunDirectory.open(Path(directory))
    resolved = read_resolved(opened)
    registry = registry or Registry.from_installed(quiet=quiet)
    before = recorded_origin(resolved)
    changed = changed_since(before, registry)
    if changed and not accept_versions:
        raise other_versions(opened, changed)
    order = Order(
        recipe=recorded_recipe(opened),
        registry=registry,
        directory=opened,
        command=resolved.command,
        text=None,
        report=Reporter(quiet=quiet),
        dashboard=dashboard,
        threads=before.threads,
        changed=tuple(changed),
        accepts=accept_versions,
        retry_failed=retry_failed,
    )
    return order.execute(device, devices)


def recorded_recipe(directory: RunDirectory) -> Recipe:
    """Return the recipe of a run directory, with qualified names.

    Raises:
        RunDirectoryError: its record is not what snnplug wrote.
    """
    return Recipe.from_dict(read_resolved(directory).recipe)


def parse_recipe(
    recipe: str | Path | Mapping[str, Any] | Recipe, overrides: tuple[str, ...] = ()
) -> tuple[Recipe, str]:
    """Return a recipe, whatever it is given as, and the text to keep of it.

    Raises:
        RecipeError: there is no such recipe, or it is wrong.
    """
    if isinstance(recipe, str | Path):
        parsed = read_recipe(recipe, overrides)
        return parsed, recipe_text(recipe) if not overrides else to_toml(parsed)
    data = recipe.to_dict() if isinstance(recipe, Recipe) else dict(recipe)
    data, overridden = apply_overrides(data, overrides)
    parsed = attrs.evolve(Recipe.from_dict(data), overridden=tuple(overridden))
    return parsed, to_toml(parsed)
