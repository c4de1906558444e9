"""The page of a study: a table, maps of two axes, and what no combination beats."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

import attrs
from markupsafe import Markup

from snnplug.report.section import environment
from snnplug.runs.study_records import Answer

__all__ = ["study_page"]


@attrs.frozen
class _Picture:
    caption: str
    picture: Markup


def study_page(answer: Answer) -> str:
    """Return a page that needs no other file and no network."""
    template = environment().get_template("study.html.j2")
    style = resources.files("snnplug.report").joinpath("style.css").read_text("utf-8")
    return template.render(answer=answer, style=Markup(style), pictures=[*_maps(answer), *_fronts(answer)])


def _maps(answer: Answer) -> list[_Picture]:
    """Return a map of each measure over the two axes, where the study has two."""
    from snnplug.report.figures.study import heat_map

    if len(answer.axes) != 2:
        return []
    (one, rows), (other, columns) = answer.axes.items()
    found = []
    for number, measure in enumerate(answer.measures):
        means = {
            (row.values[one], row.values[other]): mean.value
            for row in answer.rows
            if (mean := row.cells[measure].mean) is not None
        }
        if means:
            grid: Sequence[Sequence[float | None]] = [[means.get((r, c)) for c in columns] for r in rows]
            picture = heat_map(grid, rows, columns, one, other, f"map{number}")
            found.append(_Picture(f"Mean {measure} by {one} and {other}.", picture))
    return found


def _fronts(answer: Answer) -> list[_Picture]:
    """Return the first measure over each other one, with the combinations that no other beats in the two."""
    from snnplug.report.figures.study import scatter
    from snnplug.statistics.pareto import pareto_front

    first, *others = answer.measures
    found = []
    for number, other in enumerate(others):
        both = [
            (x.value, y.value)
            for row in answer.rows
            if (x := row.cells[other].mean) is not None and (y := row.cells[first].mean) is not None
        ]
        if both:
            signs = [1.0 if answer.measures[name] == "max" else -1.0 for name in (other, first)]
            front = pareto_front([(signs[0] * x, signs[1] * y) for x, y in both])
            picture = scatter(both, front, other, first, f"front{number}")
            found.append(
                _Picture(f"Mean {first} over mean {other}; circled: no other combination beats it.", picture)
            )
    return found
