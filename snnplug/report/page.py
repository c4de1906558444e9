"""The page: the records of a run, laid out by `page.html.j2` and `style.css`, a section for each stage."""

from __future__ import annotations

import shlex
from importlib import resources
from pathlib import Path

from markupsafe import Markup

from snnplug.recipe import stages
from snnplug.report import words
from snnplug.report.section import Stat, render_template
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import Records

__all__ = ["render", "write_report"]


def write_report(directory: Path) -> Path:
    """Write `report.html` into a run directory, finished or not; a page there before is replaced.

    Args:
        directory: holds `resolved.json` and as many of `summary.json`, `metrics.jsonl`,
            `trials.json` and `activity.json` as there are yet.

    Returns:
        The path of the page, which needs no other file and no network.

    Raises:
        RunDirectoryError: there is no readable `resolved.json`.
        StorageError: the disk is full or not writable.
    """
    opened = RunDirectory(Path(directory))
    page = render(Records.read(opened.path))
    opened.write_bytes(
        "report.html", page.encode("utf-8", errors="backslashreplace")
    )  # a path may be no UTF-8
    return opened.file("report.html")


def render(records: Records) -> str:
    """Return the page."""
    sections = [spec.load_report()() for spec in stages.STAGES]
    stats = [stat for section in sections for stat in section.stats(records)]
    return render_template(
        "page.html.j2",
        records,
        style=Markup(resources.files("snnplug.report").joinpath("style.css").read_text("utf-8")),
        finished=records.summary is not None and "report" in records.summary.stages,
        stats=sorted(stats, key=lambda stat: not stat.first) + _time(records),
        sections=[section.render(records) for section in sections],
        directory=shlex.quote(str(records.directory)),
        recipe_path=shlex.quote(str(records.directory / "recipe.toml")),
    )


def _time(records: Records) -> list[Stat]:
    summary = records.summary
    if summary is None:
        return []
    device = f"on {summary.device}" if summary.device else ""
    return [Stat("Time", words.seconds(summary.seconds.get("total")), note=device)]
