"""Running and continuing a recipe, from Python and from the command line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from snnplug.engine.again import recipe_again
from snnplug.engine.given import register_objects
from snnplug.engine.order import Order, other_versions
from snnplug.engine.progress import Log, Reporter
from snnplug.engine.provenance import changed_since, recorded_origin
from snnplug.engine.result import Run
from snnplug.engine.tracking import TrackerLike
from snnplug.recipe.built_in import DEFAULT
from snnplug.recipe.overrides import apply_overrides
from snnplug.recipe.read import read_recipe, recipe_text, to_toml
from snnplug.recipe.recipe import Recipe
from snnplug.registry.registry import Registry
from snnplug.runs.candidates import find_candidate, front_of
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import Records, read_resolved
from snnplug.runs.records import Threads, TrialRecord

__all__ = ["PARETO", "parse_recipe", "recorded_recipe", "resume", "run", "run_again"]

PARETO = "pareto"
"""In place of a candidate: each of the front."""


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
    log: Log = "auto",
    threads: Threads | None = None,
    trackers: Iterable[TrackerLike] = (),
    began: float | None = None,
) -> Run:
    """Run a recipe from the start.

    Args:
        recipe: path of a TOML file, name of a built-in recipe, its content, or a `Recipe`. Its content may
            hold objects in place of names, see `snnplug.engine.given`.
        out: run directory to make; by default a new one under runs/.
        overrides: texts `key=value`.
        device: "auto", "cpu" or "cuda".
        devices: number of GPUs.
        registry: where names are looked up; by default every installed plugin.
        quiet: print nothing.
        dashboard: serve Optuna's dashboard of the search until the run ends; its address is printed
            also where `quiet`.
        log: "auto" for bars on a terminal and lines elsewhere, "jsonl" for JSON lines.
        threads: CPU threads as another run has recorded them, since they decide the last bits of its sums;
            by default what this machine has.
        trackers: told how it goes on: names of registered trackers, tables `{"use": name, ...}`, components,
            or objects of your own; see `snnplug.Tracker`. They are no part of the result, and not recorded.
        began: `time.perf_counter()` at the start of the work, for who counts imports.

    Raises:
        UsageError: something given is wrong; nothing has been started.
        RunFailed: the run stopped half way; `resume` continues it.
    """
    registry = registry or Registry.from_installed(quiet=quiet)
    given: tuple[str, ...] = ()
    if isinstance(recipe, Mapping):
        recipe, registry, given = register_objects(recipe, registry)
    label = str(recipe) if isinstance(recipe, str | Path) else "recipe.toml"
    return _run(
        recipe,
        f"snnplug run {label}",
        out=out,
        overrides=tuple(overrides),
        device=device,
        devices=devices,
        registry=registry,
        quiet=quiet,
        dashboard=dashboard,
        log=log,
        threads=threads,
        trackers=trackers,
        began=began,
        given=given,
    )


def _run(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    command: str,
    *,
    out: str | Path | None,
    overrides: tuple[str, ...],
    device: str,
    devices: int,
    registry: Registry,
    quiet: bool,
    log: Log,
    began: float | None,
    dashboard: bool = False,
    threads: Threads | None = None,
    trackers: Iterable[TrackerLike] = (),
    given: tuple[str, ...] = (),
) -> Run:
    parsed, text = parse_recipe(recipe, overrides)
    directory = None if out is None else RunDirectory(Path(out))
    if directory is not None:
        directory.refuse_existing()
    order = Order(
        recipe=parsed,
        registry=registry,
        directory=directory,
        command=" ".join([command, *(f"-s {o}" for o in overrides)]),
        text=text,
        report=Reporter(quiet=quiet, log=log),
        dashboard=dashboard,
        threads=threads,
        trackers=trackers,
        began=time.perf_counter() if began is None else began,
        given=given,
    )
    return order.execute(device, devices)


def run_again(
    directory: str | Path,
    *,
    candidate: Any = None,
    weights: bool = False,
    out: str | Path | None = None,
    overrides: Iterable[str] = (),
    device: str = "auto",
    devices: int = 1,
    registry: Registry | None = None,
    quiet: bool = True,
    log: Log = "auto",
    trackers: Iterable[TrackerLike] = (),
    began: float | None = None,
    finished: Callable[[Run], None] | None = None,
) -> list[Run]:
    """Make new runs of a run's networks.

    Args:
        directory: of the old run, finished or not.
        candidate: number, key or genotype of a candidate that its search has seen, or "pareto" for one run of
            each candidate of its front; None for what it found, or its architecture.
        weights: start from the weights that it has trained.
        out: run directory to make; for a Pareto front the folder in which they are made.
        overrides, device, devices, registry, quiet, log, trackers, began: as `run` takes them.
        finished: called with each run as soon as it is finished.

    Returns:
        The new run, alone in a list; for a Pareto front one of each candidate.

    Raises:
        UsageError: as for `run`; or there is no such candidate, or no weights of it.
    """
    records, trackers = Records.read(Path(directory)), tuple(trackers)
    registry = registry or Registry.from_installed(quiet=quiet)
    if candidate == PARETO:
        chosen: list[TrialRecord | None] = [*front_of(records)]
        places = [None if out is None else Path(out) / trial.key[:12] for trial in front_of(records)]
    else:
        chosen = [None if candidate is None else find_candidate(records, candidate)]
        places = [None if out is None else Path(out)]
    made = []
    for trial, place in zip(chosen, places, strict=True):
        named = "" if trial is None else f" --candidate {trial.key}"
        done = _run(
            recipe_again(records, registry, trial, weights=weights),
            f"snnplug run --from {directory}{named}{' --weights' * weights}",
            out=place,
            overrides=tuple(overrides),
            device=device,
            devices=devices,
            registry=registry,
            quiet=quiet,
            log=log,
            trackers=trackers,
            began=began,
        )
        began = None  # the next begins where this one ends
        made.append(done)
        if finished is not None:
            finished(done)
    return made


def resume(
    directory: str | Path,
    *,
    device: str = "auto",
    devices: int = 1,
    registry: Registry | None = None,
    quiet: bool = True,
    dashboard: bool = False,
    log: Log = "auto",
    accept_versions: bool = False,
    retry_failed: bool = False,
    trackers: Iterable[TrackerLike] = (),
    began: float | None = None,
) -> Run:
    """Continue a run that was stopped; a finished one is measured and reported again.

    Args:
        directory: of the run.
        device, devices, registry, quiet, dashboard, log, began: as `run` takes them.
        accept_versions: go on with other versions of plugins than those the run was begun with; they are
            recorded. A result that they change replaces the one that stands, which is kept beside it.
        retry_failed: score candidates again that have failed; what that changes is replaced likewise.
        trackers: as `run` takes them; one that the run had before goes on there, a new one is told all of it.

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
        began=time.perf_counter() if began is None else began,
        report=Reporter(quiet=quiet, log=log),
        dashboard=dashboard,
        threads=before.threads,
        changed=tuple(changed),
        accepts=accept_versions,
        retry_failed=retry_failed,
        trackers=trackers,
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
    before = recipe.overridden if isinstance(recipe, Recipe) else {}
    data, overridden = apply_overrides(data, overrides)
    parsed = attrs.evolve(Recipe.from_dict(data), overridden={**overridden, **before})
    return parsed, to_toml(parsed)
