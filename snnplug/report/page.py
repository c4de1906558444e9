"""The page: the records of a run, laid out by `page.html.j2` and `style.css`."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from snnplug.report import words
from snnplug.report.sections import (
    cell_picture,
    energy_estimates,
    learning_curves,
    network_activity,
    search_scores,
)
from snnplug.runs.records import ReportData

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
    """
    directory = Path(directory)
    page = render(ReportData.read(directory))
    target = directory / "report.html"
    handle, name = tempfile.mkstemp(dir=directory, prefix=".report-", suffix=".html")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(page)
        os.chmod(name, 0o644)  # mkstemp lets nobody else read
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def render(data: ReportData) -> str:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader("snnplug.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    for name in ("links", "number", "percent", "plain", "quantity", "seconds", "value"):
        environment.filters[name] = getattr(words, name)
    environment.filters["indented"] = _indented
    return environment.get_template("page.html.j2").render(
        style=Markup(resources.files("snnplug.report").joinpath("style.css").read_text("utf-8")),
        data=data,
        run=data.resolved,
        summary=data.summary,
        finished=data.summary is not None and "report" in data.summary.stages,
        cell=cell_picture(data),
        curves=learning_curves(data),
        search=search_scores(data),
        activity=network_activity(data.activity),
        energies=energy_estimates(data),
        directory=shlex.quote(str(data.directory)),
        recipe_path=shlex.quote(str(data.directory / "recipe.toml")),
    )


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
