"""Where each conversion of a network errs: pictures, tables and advice from their traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from markupsafe import Markup

from snnplug.contracts import Trace, advice
from snnplug.report.section import render_template
from snnplug.runs.reading import Records

__all__ = ["render_traces"]

Curve = tuple[Sequence[float], Sequence[float]]


@attrs.frozen
class _Row:
    """What one coding has come to."""

    name: str
    trace: Trace
    advice: tuple[str, ...]
    picture: Markup
    last: float | None


def render_traces(
    records: Records, traces: Mapping[str, Trace], curves: Mapping[str, Curve] | None = None
) -> Markup:
    """Return a section, or nothing without traces.

    Args:
        records: of the run.
        traces: by the name of the coding.
        curves: potentials and decoded values of the staircase of codings, of which six are drawn.
    """
    from snnplug.report.figures.conversion import PARTS, layer_errors, staircases

    traces = {name: trace for name, trace in traces.items() if trace.layers}
    if not traces:
        return Markup("")
    rows = [
        _Row(
            name,
            trace,
            advice(trace),
            layer_errors(trace, f"trace{i}"),
            trace.layers[-1].accumulated.relative,
        )
        for i, (name, trace) in enumerate(traces.items())
    ]
    shown = dict(list((curves or {}).items())[:6])
    return render_template(
        "sections/convert_trace.html.j2",
        records,
        rows=rows,
        parts=[called for _, called in PARTS],
        curves=list(shown),
        staircases=staircases(shown, "staircases") if shown else None,
    )
