"""A trained network under many codings: a table, accuracy against cost, and where each of them errs."""

from __future__ import annotations

from markupsafe import Markup

from snnplug.report.section import Section, Stat
from snnplug.runs.reading import Records

__all__ = ["Compare", "Convert", "Tune"]


class Convert(Section):
    """The section of the stage convert."""

    def stats(self, records: Records) -> list[Stat]:
        """Return nothing: how good the network is says its measurement."""
        return []

    def render(self, records: Records) -> Markup:
        """Return nothing: what it came to stands with the comparison."""
        return Markup("")


class Tune(Convert):
    """The section of the stage convert.train, whose learning curves stand with those of other trainings."""


class Compare(Convert):
    """The section of the stage convert.compare."""
