"""A stage's part of the report: what stands among the results, and sections of the page."""

from __future__ import annotations

import functools
from typing import Any, Protocol

import attrs
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from snnplug.report import words
from snnplug.runs.reading import Records

__all__ = ["Section", "Stat", "environment", "render_template"]


@attrs.frozen
class Stat:
    """A figure among the results at the top of the page."""

    label: str
    figure: str
    unit: str = ""
    note: str = ""
    first: bool = False  # set large


class Section(Protocol):
    """What a stage shows. Made without arguments."""

    def stats(self, records: Records) -> list[Stat]:
        """Return the figures for the top of the page."""

    def render(self, records: Records) -> Markup:
        """Return `<section>` elements; with nothing to show yet, they say so."""


@functools.cache
def environment() -> Environment:
    """Return what templates are rendered with."""
    made = Environment(
        loader=PackageLoader("snnplug.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    for name in words.FILTERS:
        made.filters[name] = getattr(words, name)
    return made


def render_template(name: str, records: Records, **values: Any) -> Markup:
    """Return a template of this package filled in; `data`, `run` and `summary` stand for the records."""
    shown = {"data": records, "run": records.resolved, "summary": records.summary}
    return Markup(environment().get_template(name).render(**shown, **values))
