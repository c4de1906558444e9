"""A run: check everything, then one stage after the other, each safe on the disk.

Running and continuing are the same code: a stage goes on where its own files end, and what is
cheap is done again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from snnplug.engine.dashboard import check_dashboard, serve_dashboard
from snnplug.engine.device import deterministic, device_name, usual_settings
from snnplug.engine.prediction import Predictor, no_samples
from snnplug.engine.prepare import Prepared, prepare
from snnplug.engine.progress import Reporter
from snnplug.engine.provenance import changed_versions, resolved_record, versions
from snnplug.engine.result import Run
from snnplug.engine.session import Session
from snnplug.engine.stage import Work
from snnplug.errors import RecipeError, RunDirectoryError, SnnplugError
from snnplug.recipe.built_in import DEFAULT
from snnplug.recipe.overrides import apply_overrides
from snnplug.recipe.read import read_recipe, recipe_text
from snnplug.recipe.recipe import Recipe
from snnplug.registry.registry import Registry
from snnplug.report.page import write_report
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import Records, read_resolved, to_plain
from snnplug.runs.records import Summary

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
    parsed, text = parse_recipe(recipe, overrides)
    directory = None if out is None else RunDirectory(Path(out))
    if directory is not None:
        directory.refuse_existing()
    label = str(recipe) if isinstance(recipe, str | Path) else "recipe.toml"
    order = _Order(
        recipe=parsed,
        registry=registry or Registry.from_installed(quiet=quiet),
        directory=directory,
        command=" ".join(["snnplug run", label, *(f"-s {o}" for o in overrides)]),
        text=text,
        report=Reporter(quiet=quiet),
        dashboard=dashboard,
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
) -> Run:
    """Continue a run that was stopped; a finished one is measured and reported again.

    Args:
        directory: of the run.
        device, devices, registry, quiet, dashboard: as `run` takes them.
        accept_versions: go on with other versions of plugins than those the run was begun with; they are
            recorded.

    Raises:
        RunDirectoryError: it is not a run directory, another process is running in it, or it was begun
            with other versions of what computes.
    """
    opened = RunDirectory.open(Path(directory))
    resolved = read_resolved(opened)
    registry = registry or Registry.from_installed(quiet=quiet)
    changed = changed_versions(resolved, registry)
    if changed and not accept_versions:
        raise RunDirectoryError(
            f"{opened.path} was begun with other versions: {', '.join(changed)}. Install those again, or go "
            f"on with these: snnplug run --resume {opened.path} --accept-versions"
        )
    order = _Order(
        recipe=recorded_recipe(opened),
        registry=registry,
        directory=opened,
        command=resolved.command,
        accepted=tuple(changed),
        text=None,
        report=Reporter(quiet=quiet),
        dashboard=dashboard,
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
        return parsed, recipe_text(recipe) if not overrides else _toml(parsed)
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


@attrs.frozen(kw_only=True)
class _Order:
    """What is to be run.

    Attributes:
        directory: of the run; None for a new one under runs/.
        text: the recipe's text to keep, None to continue a directory.
    """

    recipe: Recipe
    registry: Registry
    directory: RunDirectory | None
    command: str
    text: str | None
    report: Reporter
    dashboard: bool
    accepted: tuple[str, ...] = ()

    def execute(self, device: str, devices: int) -> Run:
        """Run every stage."""
        if self.dashboard:
            check_dashboard(self.recipe)
        prepared = prepare(self.recipe, self.registry, device=device, devices=devices, launch=True)
        with ExitStack() as held:
            directory = self._directory(prepared.fabric, held)
            try:
                return self._run(self._session(prepared, directory))
            except KeyboardInterrupt as stop:
                if directory.file("resolved.json").exists():
                    stop.add_note(f"continue with: snnplug run --resume {directory.path}")
                raise

    def _directory(self, fabric: Any, held: ExitStack) -> RunDirectory:
        """Return the directory, which the leading process makes and holds; the others are told which."""
        found: RunDirectory | SnnplugError | None = None
        if fabric.is_global_zero:
            try:
                found = self._claim(held)
            except SnnplugError as error:
                found = error
        if fabric.world_size > 1:
            found = fabric.broadcast(found)
        if isinstance(found, SnnplugError):
            raise found
        assert found is not None
        return found

    def _claim(self, held: ExitStack) -> RunDirectory:
        new = self.text is not None
        if self.directory is None:
            directory = RunDirectory.claim(self.recipe.name)
        else:
            directory = RunDirectory.create(self.directory.path) if new else self.directory
        held.enter_context(
            directory.locked(self.command if new else f"snnplug run --resume {directory.path}")
        )
        if new:
            directory.refuse_taken()  # another run may have been here before the lock
        return directory

    def _session(self, prepared: Prepared, directory: RunDirectory) -> Session:
        fabric = prepared.fabric
        report = self.report if fabric.is_global_zero else Reporter(quiet=True)
        return Session(parts=prepared.parts, directory=directory, fabric=fabric, report=report)

    def _run(self, session: Session) -> Run:
        for note in session.parts.plan.notes:
            session.report.say(f"note: {note}")
        if not session.leads:
            return self._stages(session)
        self._write_start(session)
        with serve_dashboard(session.directory) if self.dashboard else nullcontext():
            return self._stages(session)

    def _write_start(self, session: Session) -> None:
        directory, parts = session.directory, session.parts
        if self.text is not None:
            record = resolved_record(parts.plan, self.command, parts.splits.task)
            directory.write_json("resolved.json", to_plain(record))
        elif self.accepted:
            before = read_resolved(directory)
            accepted = tuple(dict.fromkeys((*before.accepted, *self.accepted)))
            directory.write_json("resolved.json", to_plain(attrs.evolve(before, accepted=accepted)))
            session.report.say(f"note: going on with other versions: {', '.join(self.accepted)}")
        if not directory.file("recipe.toml").exists():
            directory.write_text("recipe.toml", self.text if self.text is not None else _toml(self.recipe))

    def _stages(self, session: Session) -> Run:
        directory, work = session.directory, Work(parts=session.parts)
        with usual_settings(), deterministic():
            for stage in self.recipe.running:
                stage.load()().run(session, work)
        if session.leads:
            summary = Summary.of(
                {
                    "name": self.recipe.name,
                    "stages": self.recipe.stages,
                    **work.records,
                    "device": device_name(session.fabric),
                    "versions": versions(session.parts.plan.used()),
                    "seconds": {**work.seconds, "total": sum(work.seconds.values())},
                }
            )
            directory.write_json("summary.json", to_plain(summary))
            with directory.storage_errors("report.html"):
                write_report(directory.path)
        session.wait()
        return self._result(session, work)

    def _result(self, session: Session, work: Work) -> Run:
        predictors = {}
        if work.network is not None:
            parts = attrs.evolve(work.parts, splits=no_samples(work.parts.splits.task))
            predictors[parts.device.type] = Predictor(parts, work.network.eval())
        records = Records.read(session.directory.path)
        return Run(
            directory=session.directory.path, records=records, registry=self.registry, predictors=predictors
        )
