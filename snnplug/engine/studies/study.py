"""A study from its file to its answer: checked, run, gone on with, read.

Its directory has a run directory for each combination and seed under runs/, named after what it is and a
digest of its recipe: what is asked again is there already, and a changed file computes what is new.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import attrs

from snnplug.engine.dashboard import need_dashboard, serve_dashboard
from snnplug.engine.execution.executors import named_executor
from snnplug.engine.progress import Log, Reporter
from snnplug.engine.studies.answer import answer, is_done
from snnplug.engine.studies.combinations import Combination, baseline_of, combinations, jobs
from snnplug.engine.studies.dashboard import BOARD, Board
from snnplug.engine.studies.doing import Doing, draw_all
from snnplug.engine.studies.file import StudyFile, read_study
from snnplug.engine.studies.running import Settings
from snnplug.engine.studies.sampling import corners
from snnplug.engine.tracking import TrackerLike, trackers_of, tracking_by
from snnplug.errors import RecipeError, RunDirectoryError, RunFailed, SnnplugError, UsageError, one_line
from snnplug.registry.component import Component
from snnplug.registry.registry import LOCAL, Registry
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import to_plain
from snnplug.runs.study_records import Answer, Interval

__all__ = ["Study", "study"]


@attrs.frozen(kw_only=True)
class Study:
    """A study that was carried out.

    Attributes:
        directory: of the study: `answer.json`, `answer.csv`, `report.html`, and runs/.
        answer: what it has found.
        computed: number of runs that were computed now, not before.
    """

    directory: Path
    answer: Answer
    computed: int


def study(
    source: str | Path,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    executor: str | Mapping[str, Any] | Component | None = None,
    device: str = "auto",
    threads: int = 1,
    registry: Registry | None = None,
    quiet: bool = True,
    log: Log = "auto",
    accept_versions: bool = False,
    only_check: bool = False,
    dashboard: bool = False,
    trackers: Iterable[TrackerLike] = (),
) -> Study | None:
    """Carry out a study, or go on with it.

    Args:
        source: its file.
        out: its directory, new or that of the same study; by default studies/NAME.
        workers: processes that run its runs.
        executor: name or table of what starts these processes, here or elsewhere; by default on this machine.
        device: of each run: "auto", "cpu" or "cuda"; workers are spread over the GPUs that there are.
        threads: CPU threads of each run, which decide the last bits of its sums.
        registry: where names are looked up; by default every installed plugin, which is all that other
            processes know.
        quiet: print nothing.
        log: as `snnplug.run` takes it.
        accept_versions: go on with other versions of plugins than those that runs were begun with.
        only_check: only say what would be run; None is returned.
        dashboard: serve Optuna's dashboard of the study until it ends; its address is printed also where
            `quiet`.
        trackers: told how each run goes on; as `snnplug.run` takes them, without objects for other processes.

    Raises:
        RecipeError: the file or the executor is wrong, or none of the combinations can run.
        RunDirectoryError: the directory is another's.
        RunFailed: no run has a result.
        UsageError: workers are to look up names in a registry, or a tracker cannot be used.
    """
    if registry is not None and (workers > 1 or executor is not None):
        raise UsageError(
            f"workers = {workers} know installed plugins alone: take workers = 1 and no executor with a "
            "registry"
        )
    names = registry or Registry.from_installed(quiet=quiet)
    where = named_executor(executor, names)
    if dashboard:
        need_dashboard()
    told = trackers_of(trackers, names)
    tracking_by(told, names)  # refused before anything is run
    if (workers > 1 or where is not None) and any(one.plugin == LOCAL for one in told):
        raise UsageError(f"workers = {workers} know installed trackers alone: take workers = 1 with your own")
    file, report = read_study(source), Reporter(quiet=quiet, log=log)
    combined = combinations(file)
    if not file.samples:
        baseline_of(file, combined)  # refused before anything is run
    path = Path(out) if out is not None else Path("studies") / file.name
    directory = _directory(path, make=not only_check)
    place = directory.path / "runs"
    tried = corners(file, combined) if file.samples else combined
    refused = _refused(file, tried, place, report, device, names)
    fitting = _fitting(file, tried, refused, report)
    devices = _cuda_devices(device, workers) if where is None else 0  # elsewhere others deal them out
    settings = Settings(place.resolve(), device, threads, accept_versions, devices, told)
    if not file.samples:
        wanted = jobs(file, fitting)
        done = sum(is_done(place, job) for job in wanted)
        size = f"{len(fitting)} combinations x {len(file.seeds)} seeds"
        report.say(f"{file.name}: {size}, {done} of {len(wanted)} runs done")
    if only_check:
        return None
    with directory.locked(f"snnplug study {source}"):
        directory.write_text("study.toml", file.text)
        pruned: dict[str, str] = {}
        board = Board(file, directory, report) if dashboard else None
        doing = Doing(settings, workers, report, names, where, board)
        served = serve_dashboard(directory, BOARD, "study") if dashboard else nullcontext()
        try:
            with served:
                if file.samples:
                    wanted, pruned = draw_all(file, doing)
                else:
                    with doing.shown(file.name, len(wanted)):
                        doing.run(wanted)
        except KeyboardInterrupt as stop:
            more = f" --workers {workers}" if workers > 1 else ""
            more += f" --executor {shlex.quote(executor)}" if isinstance(executor, str) else ""
            stop.__notes__ = [f"continue with: snnplug study {source} --out {path}{more}"]
            raise
        if file.samples:
            drawn, refused = {job.combination.name: job.combination for job in wanted}, {}
        everything = list(drawn.values()) if file.samples else combined
        failures = doing.failures
        result = answer(file, place, wanted, everything, failures=failures, refused=refused, pruned=pruned)
        _write(directory, result)
    if not any(row.runs for row in result.rows):
        first = next((why for row in result.rows for why in row.failures.values()), "")
        raise RunFailed(f"no run of the study has a result; the first failed: {first}")
    return Study(directory=directory.path, answer=result, computed=doing.computed)


def _directory(path: Path, *, make: bool) -> RunDirectory:
    if (path / "resolved.json").exists():
        raise RunDirectoryError(f"{path} is a run directory; choose another --out for the study")
    if path.is_dir() and any(path.iterdir()) and not (path / "study.toml").exists():
        raise RunDirectoryError(f"{path} holds files that are no study; choose another --out")
    if make:
        try:
            (path / "runs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"cannot make the directory {path}: {error.strerror}") from error
    return RunDirectory(path)


def _refused(
    file: StudyFile,
    found: Sequence[Combination],
    place: Path,
    report: Reporter,
    device: str,
    registry: Registry,
) -> dict[str, str]:
    """Return why combinations cannot run, by name; one of which a run has begun was checked before."""
    refused: dict[str, str] = {}
    with report.bar("check", len(found)) as bar:
        for one in found:
            try:
                (job,) = jobs(attrs.evolve(file, seeds=file.seeds[:1]), [one])
                if not (place / job.directory / "resolved.json").exists():
                    from snnplug.engine.prepare import prepare

                    prepare(job.recipe, registry, device=device)
            except SnnplugError as error:
                refused[one.name] = " ".join(str(error).split()) or one_line(error)
            bar.advance()
    return refused


def _fitting(
    file: StudyFile, tried: Sequence[Combination], refused: Mapping[str, str], report: Reporter
) -> list[Combination]:
    """Return what can run, and say of all else once why it cannot.

    Raises:
        RecipeError: nothing can, or something that a sampler may draw.
    """
    fitting, reasons = [one for one in tried if one.name not in refused], dict.fromkeys(refused.values())
    for reason in reasons:
        first, *others = [name for name, why in refused.items() if why == reason]
        report.say(f"left out: {first}{f' and {len(others)} more' if others else ''}: {reason}")
    if not fitting or (file.samples and refused):
        none = f"none of {len(tried)} combinations can run"
        why = "all that a sampler may draw has to fit" if fitting else none
        raise RecipeError([f"{why}; the reasons: {'; '.join(reasons)}"])
    return fitting


def _cuda_devices(device: str, workers: int) -> int:
    if device == "cpu" or workers == 1:
        return 0
    import torch

    return torch.cuda.device_count()


def _write(directory: RunDirectory, result: Answer) -> None:
    from snnplug.report.study import study_page

    directory.write_json("answer.json", to_plain(result))
    directory.write_text("answer.csv", _csv(result))
    directory.write_text("report.html", study_page(result))


def _csv(result: Answer) -> str:
    """Return the answer as a table: a line for each combination and measure."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    head = [
        "measure",
        "mean",
        "low",
        "high",
        "difference",
        "difference low",
        "difference high",
        "p",
        "verdict",
    ]
    lines.writerow([*result.axes, *head, *(f"seed {seed}" for seed in result.seeds)])
    for row in result.rows:
        for measure, cell in row.cells.items():
            mean, difference = _numbers(cell.mean), _numbers(cell.difference)
            values = [cell.values.get(seed, "") for seed in result.seeds]
            p = "" if cell.p is None else cell.p
            verdict = "baseline" if row.baseline else cell.verdict
            lines.writerow([*row.values.values(), measure, *mean, *difference, p, verdict, *values])
    return text.getvalue()


def _numbers(interval: Interval | None) -> list[float | str]:
    numbers = (None, None, None) if interval is None else attrs.astuple(interval)
    return ["" if number is None else number for number in numbers]
