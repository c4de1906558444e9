"""A trained network under many codings: a table, accuracy against cost, and where each of them errs."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from snnplug.report import words
from snnplug.report.section import Section, Stat, render_template
from snnplug.report.sections.convert_trace import render_traces
from snnplug.runs.conversion_records import ConversionRow
from snnplug.runs.energy_records import Energy
from snnplug.runs.reading import Records
from snnplug.statistics.pareto import pareto_front

__all__ = ["Compare", "Convert", "Tune"]

_COSTS = (("spikes", "spikes a sample"), ("latency", "time steps of latency"))


class Convert(Section):
    """The section of the stage convert: what it came to stands with the comparison."""

    def stats(self, records: Records) -> list[Stat]:
        """Return nothing: how good the network is says its measurement."""
        return []

    def render(self, records: Records) -> Markup:
        """Return nothing."""
        return Markup("")


class Tune(Convert):
    """The section of the stage convert.train, whose learning curves stand with those of other trainings."""


class Compare(Convert):
    """The section of the stage convert.compare."""

    def render(self, records: Records) -> Markup:
        """Return the table of all codings, their pictures, and where they err."""
        found = records.summary.conversion if records.summary else None
        rows = found.rows if found else ()
        models = list(dict.fromkeys(_asked(energy) for row in rows for energy in row.energy))
        shown = render_template(
            "sections/convert.html.j2",
            records,
            rows=[(number, row, _by_model(row, models)) for number, row in enumerate(rows)],
            models=models,
            levels=list(dict.fromkeys(level for row in rows for level in row.noise)),
            samples=found.samples if found else 0,
            pictures=_pictures(rows),
        )
        errors = records.conversion
        if errors is None:
            return shown
        curves = {name: curve for name, curve in errors.curves.items() if curve[0]}
        return shown + render_traces(records, errors.traces, curves)


def _asked(energy: Energy) -> str:
    """Return an energy model in plain words, with the parameters that it was given."""
    return words.value({"use": words.plain(energy.model), **energy.parameters})


def _by_model(row: ConversionRow, models: Sequence[str]) -> list[tuple[float | None, str]]:
    found = {_asked(energy): (energy.value, energy.unit) for energy in row.energy}
    return [found.get(model, (None, "")) for model in models]


def _pictures(rows: Sequence[ConversionRow]) -> list[tuple[Markup, str]]:
    """Return accuracy over each cost, of all but the networks that send no spikes."""
    from snnplug.report.figures.codings import coding_trade

    pictures = []
    for field, what in _COSTS:
        points = {
            number: (float(cost), row.accuracy)
            for number, row in enumerate(rows)
            if (cost := getattr(row, field)) and row.accuracy is not None
        }
        if len(points) > 1 and rows[0].accuracy is not None:
            places = pareto_front([(-cost, accuracy) for cost, accuracy in points.values()])
            front = [list(points)[place] for place in places]
            picture = coding_trade(points, front, rows[0].accuracy, what, f"codings-{field}")
            pictures.append((picture, what))
    return pictures
