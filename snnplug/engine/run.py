"""A run: check everything, then search, train, measure and report, each stage safe on the disk.

Running and continuing are the same code: the search answers from its journal what it has
scored, training starts behind its last checkpoint, and what is cheap is done again.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import attrs
import tomli_w
from torch import nn

from snnplug.contracts import SearchSpace
from snnplug.engine.composition import build_space, builder, check_composition
from snnplug.engine.dashboard import check_dashboard, serve_dashboard
from snnplug.engine.device import deterministic, device_name, make_fabric
from snnplug.engine.measure import measure
from snnplug.engine.optimize import check_optimizer
from snnplug.engine.progress import Reporter
from snnplug.engine.search import search
from snnplug.engine.setup import Setup, make_setup
from snnplug.engine.summary import (
    SCHEMA,
    activity_record,
    measurement_record,
    resolved_record,
    search_record,
    trial_records,
    versions,
)
from snnplug.engine.train import train
from snnplug.errors import RecipeError, RunDirectoryError
from snnplug.recipe.overrides import apply_overrides
from snnplug.recipe.plan import Plan, make_plan
from snnplug.recipe.recipe import DEFAULT, Recipe, read_recipe, recipe_text
from snnplug.registry.registry import Registry
from snnplug.report import write_report
from snnplug.runs.directory import RunDirectory

__all__ = ["Run", "default_directory", "recorded_plan", "resume", "run"]


@attrs.frozen(kw_only=True)
class Run:
    """A finished run.

    Attributes:
        directory: where everything is.
        summary: as in summary.json.
        model: the trained network, or None where nothing was trained.
    """

    directory: Path
    summary: dict[str, Any]
    model: nn.Module | None = attrs.field(repr=False)


def default_directory(name: str) -> Path:
    """Return a new path under runs/, from the recipe's name and the time."""
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    path = Path("runs") / f"{name}-{stamp}"
    number = 1
    while path.exists():
        number += 1
        path = path.with_name(f"{name}-{stamp}-{number}")
    return path


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

    Raises:
        UsageError: something given is wrong; nothing has been started.
        RunFailed: the run stopped half way; `resume` continues it.
    """
    overrides = tuple(overrides)
    parsed, text = _parse(recipe, overrides)
    plan = make_plan(parsed, registry or Registry.from_installed(quiet=quiet))
    directory = RunDirectory(Path(out) if out is not None else default_directory(parsed.name))
    directory.refuse_existing()
    label = str(recipe) if isinstance(recipe, str | Path) else "recipe.toml"
    command = " ".join(["snnplug run", label, *(f"-s {o}" for o in overrides)])
    return _execute(plan, directory, device, devices, Reporter(quiet=quiet), command, text, dashboard)


def resume(
    directory: str | Path,
    *,
    device: str = "auto",
    devices: int = 1,
    registry: Registry | None = None,
    quiet: bool = True,
    dashboard: bool = False,
) -> Run:
    """Continue a run that was stopped; a finished one is measured and reported again.

    Raises:
        RunDirectoryError: it is not a run directory, or another process is running in it.
    """
    opened = RunDirectory.open(Path(directory))
    resolved = opened.read_json("resolved.json")
    plan = recorded_plan(resolved, opened.path, registry or Registry.from_installed(quiet=quiet))
    report = Reporter(quiet=quiet)
    return _execute(plan, opened, device, devices, report, resolved["command"], None, dashboard)


def recorded_plan(resolved: Any, path: Path, registry: Registry) -> Plan:
    """Return the plan that resolved.json of a run directory describes.

    Raises:
        RunDirectoryError: it is not what snnplug wrote.
        RecipeError: a plugin it needs is no longer installed.
    """
    if not isinstance(resolved, dict) or resolved.get("schema") != SCHEMA or "recipe" not in resolved:
        raise RunDirectoryError(f"{path / 'resolved.json'} was not written by this version of snnplug")
    return make_plan(Recipe.from_dict(resolved["recipe"]), registry)


def _parse(recipe: str | Path | Mapping[str, Any] | Recipe, overrides: tuple[str, ...]) -> tuple[Recipe, str]:
    if isinstance(recipe, str | Path):
        parsed = read_recipe(recipe, overrides)
        text = recipe_text(recipe) if not overrides else _toml(parsed)
        return parsed, text
    data = recipe.to_dict() if isinstance(recipe, Recipe) else dict(recipe)
    data, replaced = apply_overrides(data, overrides)
    parsed = attrs.evolve(Recipe.from_dict(data), replaced=tuple(replaced))
    return parsed, _toml(parsed)


def _toml(recipe: Recipe) -> str:
    data = recipe.to_dict()
    data.pop("replaced", None)
    try:
        return tomli_w.dumps(data)
    except TypeError as error:
        raise RecipeError([f"a recipe holds only numbers, texts, lists and tables: {error}"]) from error


def _execute(
    plan: Plan,
    directory: RunDirectory,
    device: str,
    devices: int,
    report: Reporter,
    command: str,
    recipe: str | None,
    dashboard: bool,
) -> Run:
    """Run every stage; `recipe` is the text to keep, or None to continue a directory."""
    if dashboard:
        check_dashboard(plan)
    section = plan.recipe.train
    if section is not None:
        check_optimizer(section)
    fabric = make_fabric(device, devices, section.precision if section else "32-true")
    if fabric.world_size > 1:
        directory = RunDirectory(Path(fabric.broadcast(str(directory.path))))  # its name may hold the time
        report = report if fabric.is_global_zero else Reporter(quiet=True)
    setup = make_setup(plan, fabric, directory, report)
    space = build_space(setup)
    check_composition(setup, space)
    if fabric.is_global_zero and recipe is not None:
        RunDirectory.create(directory.path)
    for note in plan.notes:
        report.say(f"note: {note}")
    fabric.barrier()
    if not fabric.is_global_zero:
        return _stages(setup, space)
    with directory.locked():
        if recipe is not None:
            directory.write_json("resolved.json", resolved_record(plan, command, setup.seed))
        if not directory.file("recipe.toml").exists():
            directory.write_text("recipe.toml", recipe if recipe is not None else _toml(plan.recipe))
        with serve_dashboard(directory) if dashboard else nullcontext():
            return _stages(setup, space)


def _stages(setup: Setup, space: SearchSpace | None) -> Run:
    plan, directory = setup.plan, setup.directory
    summary: dict[str, Any] = {"schema": SCHEMA, "name": plan.recipe.name, "stages": list(plan.recipe.stages)}
    seconds: dict[str, float] = {}
    genotype = None
    model: nn.Module | None = None
    with deterministic():
        if space is not None:
            found = search(setup, space) if setup.fabric.is_global_zero else None
            if found is not None:
                directory.write_json("trials.json", trial_records(found))
                summary["search"] = search_record(found, plan, space)
                seconds["search"] = found.seconds
            genotype = setup.fabric.broadcast(found.best.genotype if found else None)
        if plan.recipe.train is not None:
            model = setup.build(builder(setup, space, genotype), "train")
            history = train(setup, model)
            seconds["train"] = sum(record["seconds"] for record in history)
            summary["epochs"] = len(history)
            if setup.fabric.is_global_zero:
                started = time.perf_counter()
                measured = measure(setup, model)
                summary |= measurement_record(measured)
                directory.write_json("activity.json", activity_record(measured.activity))
                seconds["measure"] = time.perf_counter() - started
    if setup.fabric.is_global_zero:
        summary["device"] = device_name(setup.fabric)
        summary["versions"] = versions(plan)
        summary["seconds"] = {**seconds, "total": sum(seconds.values())}
        directory.write_json("summary.json", summary)
        summary = directory.read_json("summary.json")  # as others read it: lists for tuples, null for NaN
        with directory.storage_errors("report.html"):
            write_report(directory.path)
    setup.fabric.barrier()
    return Run(directory=directory.path, summary=summary, model=model)
