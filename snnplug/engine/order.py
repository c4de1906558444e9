"""What is to be run, and its running: check everything, hold the directory, then one stage after the other.

Running and continuing are the same code: a stage goes on where its own files end, and what is
cheap is done again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import attrs

from snnplug.engine.dashboard import check_dashboard, serve_dashboard
from snnplug.engine.device import deterministic, device_name, usual_settings
from snnplug.engine.prediction import Predictor, no_samples
from snnplug.engine.prepare import Prepared, prepare
from snnplug.engine.progress import Reporter
from snnplug.engine.provenance import origin_of, recorded_origin, resolved_record, versions
from snnplug.engine.result import Run
from snnplug.engine.session import Session
from snnplug.engine.settle import settle_result, standing_result
from snnplug.engine.stage import Work
from snnplug.engine.threads import threads_here
from snnplug.engine.tracking import TrackerLike, Tracking, tracking_by
from snnplug.errors import ComponentError, RunDirectoryError, SnnplugError
from snnplug.recipe.plan import Plan
from snnplug.recipe.read import to_toml
from snnplug.recipe.recipe import Recipe
from snnplug.registry.contain import calling
from snnplug.registry.interrupts import listening
from snnplug.registry.registry import Registry
from snnplug.report.page import write_report
from snnplug.runs.directory import RunDirectory
from snnplug.runs.error_log import ERROR_LOG, log_error
from snnplug.runs.reading import Records, read_resolved, read_summary, to_plain
from snnplug.runs.records import Origin, Summary, Threads

__all__ = ["Order", "other_versions"]


def other_versions(directory: RunDirectory, changed: Iterable[str]) -> RunDirectoryError:
    """Return the error of a directory that was begun with other versions, a line each."""
    return RunDirectoryError(
        f"{directory.path} was begun with other versions: {', '.join(changed)}. Install those again, or go "
        f"on with these: snnplug run --resume {directory.path} --accept-versions"
    )


@contextmanager
def _contained(session: Session) -> Iterator[None]:
    """Name the component that fails inside the block, with the way to go on; its traceback goes to a log."""
    directory = session.directory.path
    try:
        with calling(None, among=session.parts.plan.used):
            yield
    except ComponentError as error:
        said = str(error)
        if error.details and log_error(directory, said, error.details):
            said += f"; traceback: {directory / ERROR_LOG}"
        hint = f"What was finished is kept; once that is mended, go on with: snnplug run --resume {directory}"
        raise ComponentError(f"{said}. {hint}", plugin=error.plugin) from error


@attrs.frozen(kw_only=True)
class Order:
    """What is to be run.

    Attributes:
        directory: of the run; None for a new one under runs/.
        text: the recipe's text to keep, None to continue a directory.
        threads: that the run may take; None for what this machine has.
        changed: what is of another version than the directory says.
        accepts: other versions are gone on with.
        retry_failed: failed candidates are scored again.
        trackers: what it is told to while it goes on.
        given: names of objects that the caller gave in place of registered things.
        began: `time.perf_counter()` when the work began, imports included.
    """

    recipe: Recipe
    registry: Registry
    directory: RunDirectory | None
    command: str
    text: str | None
    report: Reporter
    dashboard: bool
    threads: Threads | None = None
    changed: tuple[str, ...] = ()
    accepts: bool = False
    retry_failed: bool = False
    trackers: Iterable[TrackerLike] = ()
    given: tuple[str, ...] = ()
    began: float = attrs.field(factory=time.perf_counter)

    def execute(self, device: str, devices: int) -> Run:
        """Run every stage."""
        if self.dashboard:
            check_dashboard(self.recipe)
        tracking = tracking_by(self.trackers, self.registry)
        with listening():
            return self._execute(device, devices, tracking)

    def _execute(self, device: str, devices: int, tracking: Tracking) -> Run:
        directory = self.directory
        try:
            prepared = prepare(
                self.recipe,
                self.registry,
                device=device,
                devices=devices,
                launch=True,
                directory=directory if self.text is None else None,
            )
            with ExitStack() as held:
                directory = self._directory(prepared.fabric, held)
                return self._run(self._session(prepared, directory, tracking))
        except KeyboardInterrupt as stop:
            if directory is not None and directory.file("resolved.json").exists():
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

    def _session(self, prepared: Prepared, directory: RunDirectory, tracking: Tracking) -> Session:
        fabric = prepared.fabric
        return Session(
            parts=prepared.parts,
            directory=directory,
            fabric=fabric,
            report=self.report if fabric.is_global_zero else Reporter(quiet=True),
            tracking=tracking,
            origins=self._origins(prepared.parts.plan, directory),
            replaces=self.accepts or self.retry_failed,
            retry_failed=self.retry_failed,
        )

    def _origins(self, plan: Plan, directory: RunDirectory) -> tuple[Origin, ...]:
        """Return what the run was computed with so far, and is now.

        Raises:
            RunDirectoryError: that is something else, which was not accepted.
        """
        now = origin_of(plan, self.threads or threads_here())
        if self.text is not None:
            return (now,)
        before = read_resolved(directory)
        known = before.origins or (recorded_origin(before),)
        changed = tuple(dict.fromkeys((*self.changed, *known[-1].changes(now))))
        if changed and not self.accepts:
            raise other_versions(directory, changed)
        return (*known, now) if changed else known

    def _run(self, session: Session) -> Run:
        device = device_name(session.fabric)
        session.report.say(
            f"{device}, {session.directory.path}",
            "begin",
            device=device,
            directory=str(session.directory.path),
        )
        for note in (*session.parts.plan.notes, *(session.directory.notes if self.text is None else ())):
            session.report.say(f"note: {note}")
        if self.given:
            names = ", ".join(self.given)
            session.note(f"{names}: given from Python, so the files alone cannot replay this run")
        if not session.leads:
            return self._stages(session)
        with _contained(session):
            self._write_start(session)
            told = session.tracking.told(
                session.directory.path, self.recipe.name, session.parts.plan.resolved_recipe(), session.report
            )
            with serve_dashboard(session.directory) if self.dashboard else nullcontext(), told:
                return self._stages(session)

    def _write_start(self, session: Session) -> None:
        directory, parts = session.directory, session.parts
        if self.text is not None:
            record = resolved_record(parts.plan, self.command, parts.splits, session.origin)
            directory.write_json("resolved.json", to_plain(record))
        elif session.origins[1:]:
            self._record_accepted(session)
        if not directory.file("recipe.toml").exists():
            directory.write_text("recipe.toml", self.text if self.text is not None else to_toml(self.recipe))

    def _record_accepted(self, session: Session) -> None:
        before = read_resolved(session.directory)
        if len(before.origins) == len(session.origins):
            return
        lines = tuple(dict.fromkeys((*self.changed, *session.origins[-2].changes(session.origin))))
        record = attrs.evolve(
            before, origins=session.origins, accepted=tuple(dict.fromkeys((*before.accepted, *lines)))
        )
        session.directory.write_json("resolved.json", to_plain(record))
        session.report.say(f"note: going on with other versions: {', '.join(lines)}")

    def _stages(self, session: Session) -> Run:
        directory, work = session.directory, Work(parts=session.parts)
        work.seconds["start"] = time.perf_counter() - self.began
        stands = standing_result(session)
        with directory.held_back() if stands else nullcontext():
            with usual_settings(), deterministic():
                for stage in self.recipe.running:
                    stage.load()().run(session, work)
            settle_result(session, stands, lambda: self._summary(session, work))
        if session.leads:
            session.tracking.summary(read_summary(directory))
            write_report(directory.path, session.note)
        session.wait()
        return self._result(session, work)

    def _summary(self, session: Session, work: Work) -> Summary:
        return Summary.of(
            {
                "name": self.recipe.name,
                "stages": self.recipe.stages,
                **work.records,
                "device": device_name(session.fabric),
                "versions": versions(session.parts.plan.used()),
                "seconds": {**work.seconds, "total": sum(work.seconds.values())},
                "notes": tuple(session.notes) or None,
            }
        )

    def _result(self, session: Session, work: Work) -> Run:
        predictors = {}
        if work.network is not None:
            parts = attrs.evolve(work.parts, splits=no_samples(work.parts.splits.task))
            predictors[parts.device.type] = Predictor(parts, work.network.eval())
        records = Records.read(session.directory.path)
        return Run(
            directory=session.directory.path, records=records, registry=self.registry, predictors=predictors
        )
