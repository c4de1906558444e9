"""What the training of a supernet has come to; its learning curves stand with those of other trainings."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from snnplug.report import words
from snnplug.report.section import Section, Stat
from snnplug.runs.reading import Records

__all__ = ["Supernet"]


class Supernet(Section):
    """The section of the stage search.supernet."""

    def stats(self, records: Records) -> list[Stat]:
        """Return nothing: how good the found network is says its measurement."""
        return []

    def render(self, records: Records) -> Markup:
        """Return a paragraph."""
        found: Any = records.summary.more.get("supernet") if records.summary else None
        if not found:
            return Markup("")
        said = [f"One network for all that can be found, {words.number(found.get('parameters'))} parameters"]
        if found.get("from"):
            said.append(f"taken from the run {found['from']}")
        if found.get("epochs"):
            said.append(f"trained for {found['epochs']} epochs, another path every batch")
        if found.get("accuracy") is not None:
            paths = f" of {found['paths']} paths" if found.get("paths") else ""
            said.append(f"mean validation accuracy{paths} {words.percent(found['accuracy'])}")
        spikes = (found.get("facts") or {}).get("spikes")
        if spikes is not None:
            said.append(f"{words.number(round(spikes))} spikes per sample over the paths of the last epoch")
        text = "; ".join(said)
        return Markup("<section id='supernet'><h2>Supernet</h2><p>{}.</p></section>").format(text)
