"""The page: the records of a run, laid out by `page.html.j2` and `style.css`, a section for each stage."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from markupsafe import Markup

from snnplug.errors import one_line
from snnplug.recipe import stages
from snnplug.report import words
from snnplug.report.section import Stat, render_template
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import Records

__all__ = ["render", "write_report"]


def write_report(directory: Path, say: Callable[[str, str], object] = lambda line, details: None) -> Path:
    """Write `report.html` into a run directory, finished or not; a page there before is replaced.

    Args:
        directory: holds `resolved.json` and as many of `summary.json`, `metrics.jsonl`,
            `trials.json` and `activity.json` as there are yet.
        say: called with a line and a traceback for each section that cannot be made, and is left out.

    Returns:
        The path of the page, which needs no other file and no network.

    Raises:
        RunDirectoryError: there is no readable `resolved.json`.
        StorageError: the disk is full or not writable.
    """
    opened = RunDirectory(Path(directory))
    page = render(Records.read(opened.path), say)
    data = page.encode("utf-8", errors="backslashreplace")  # a path may be no UTF-8
    opened.write_bytes("report.html", data)
    return opened.file("report.html")


def render(records: Records, say: Callable[[str, str], object], place: str = "") -> str:
    """Return the page; see `write_report`.

    Args:
        records: of the run.
        say: see there.
        place: of a shared run, which others know it by in place of its directory.
    """
    stats: list[Stat] = []
    sections: list[Markup] = []
    notes = list((records.summary and records.summary.notes) or ())
    for spec in stages.STAGES:
        try:
            section = spec.load_report()()
            figures, shown = section.stats(records), section.render(records)
        except Exception as error:  # whatever stands in the files, the rest of the page is worth having
            line = f"the report has no section {spec.name}: {one_line(error)}"
            notes.append(line)
            say(line, traceback.format_exc())
        else:
            stats += figures
            sections.append(shown)
    return render_template(
        "page.html.j2",
        records,
        style=Markup(resources.files("snnplug.report").joinpath("style.css").read_text("utf-8")),
        finished=records.summary is not None and "report" in records.summary.stages,
        stats=sorted(stats, key=lambda stat: not stat.first) + _time(records),
        sections=sections,
        notes=notes,
        directory=place or shlex.quote(str(records.directory)),
        recipe_path="recipe.toml" if place else shlex.quote(str(records.directory / "recipe.toml")),
    )


def _time(records: Records) -> list[Stat]:
    summary = records.summary
    if summary is None:
        return []
    device = f"on {summary.device}" if summary.device else ""
    return [Stat("Time", words.seconds(summary.seconds.get("total")), note=device)]
