"""Networks that were trained alike: what the search was worth, whichever way it falls."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from markupsafe import Markup

from snnplug.report import words
from snnplug.report.section import Section, Stat, render_template
from snnplug.runs.comparison_records import Comparison, Rival
from snnplug.runs.energy_records import Energy
from snnplug.runs.reading import Records

__all__ = ["TrainCompare"]


class TrainCompare(Section):
    """The section of the stage train.compare."""

    def stats(self, records: Records) -> list[Stat]:
        """Return nothing: the table says it."""
        return []

    def render(self, records: Records) -> Markup:
        """Return the table, nothing where nothing is compared."""
        found = records.summary.comparison if records.summary else None
        if found is None or len(found.rivals) < 2:
            return Markup()
        return render_template(
            "sections/train_compare.html.j2",
            records,
            rows=_rows(found),
            verdicts=[*_verdicts(found), *_against_random_search(found, records)],
        )


@attrs.frozen
class _Row:
    """A network with its first estimate of energy."""

    rival: Rival
    energy: Energy | None


def _rows(found: Comparison) -> list[_Row]:
    return [_Row(rival, next(iter(rival.energy), None)) for rival in found.rivals]


def _verdicts(found: Comparison) -> Iterator[str]:
    """Yield a sentence for each other network: by how much the run's own is better, and how sure that is."""
    for rival in found.rivals[1:]:
        if gain := _gain(found, rival):
            yield f"Against the network {rival.how}: {gain}."


def _gain(found: Comparison, rival: Rival) -> str:
    """Return the difference with its interval; nothing where one of them is not known."""
    if rival.difference is None or rival.low is None or rival.high is None:
        return ""
    interval = f"95 % interval {words.change(100 * rival.low)} to {words.change(100 * rival.high)}"
    sure = rival.low > 0 or rival.high < 0
    told = "" if sure else f"; not distinguishable on {found.samples:,} {found.split} samples"
    return f"{words.change(100 * rival.difference)} points ({interval}){told}"


def _against_random_search(found: Comparison, records: Records) -> Iterator[str]:
    """Yield what the search bought against training those drawn by chance, with the time of both."""
    chosen = found.random_search
    if chosen is None or not (gain := _gain(found, chosen)):
        return
    theirs = sum(rival.seconds or 0.0 for rival in found.drawn)
    searched = (records.summary.seconds.get("search") if records.summary else None) or 0.0
    ours = searched + (found.rivals[0].seconds or 0.0)
    yield (
        f"Against a random search, which trains all {len(found.drawn)} drawn by chance in "
        f"{words.seconds(theirs)} and takes the best by validation, {chosen.how}: {gain}. "
        f"The search and the training of what it found took {words.seconds(ours)}."
    )
