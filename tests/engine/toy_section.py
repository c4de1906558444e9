"""The toy stage's part of the report."""

from __future__ import annotations

from markupsafe import Markup

from snnplug.report.section import Section, Stat
from snnplug.runs.reading import Records


class Prune(Section):
    def stats(self, records: Records) -> list[Stat]:
        found = records.summary.more.get("prune") if records.summary else None
        return [Stat("Weights gone", str(found["zeros"]))] if found else []

    def render(self, records: Records) -> Markup:
        found = records.summary.more.get("prune") if records.summary else None
        said = f"{len(found['rounds'])} rounds of pruning" if found else "Nothing was pruned."
        return Markup("<section id='prune'><h2>Pruning</h2><p>{}</p></section>").format(said)
