"""What a study has found: means with intervals, and what differs from the baseline for sure.

Means have 95 % bootstrap intervals over the seeds. A combination differs from the baseline where the paired
t-test over equal seeds, corrected for the number of combinations (Holm), has p < 0.05; else the two are not
distinguishable, which does not say that they are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from snnplug.engine.studies.combinations import Combination, Job
from snnplug.errors import RunDirectoryError
from snnplug.runs.directory import RunDirectory
from snnplug.runs.figures import figures
from snnplug.runs.reading import read_summary
from snnplug.runs.study_records import Answer, Cell, Interval, Row, Verdict
from snnplug.statistics.intervals import Estimate, estimate_mean
from snnplug.statistics.paired import holm, paired_test
from snnplug.statistics.pareto import pareto_front

__all__ = ["answer", "is_done", "values_of"]

_SURE = 0.05


def answer(
    name: str,
    place: Path,
    jobs: Sequence[Job],
    baseline: Combination,
    measures: Mapping[str, str],
    failures: Mapping[str, str],
    refused: Mapping[str, str],
    everything: Sequence[Combination],
    pruned: Mapping[str, str] | None = None,
) -> Answer:
    """Read what the runs of a study have come to.

    Args:
        name: of the study.
        place: folder of the run directories.
        jobs: all runs of the study.
        baseline: what others are compared with.
        measures: what is asked, and which way is better.
        failures: why runs have no result, by directory.
        refused: why combinations could not start, by name.
        everything: all combinations, those refused too.
        pruned: why combinations were not run with all seeds, by name.
    """
    found = {one.name: _values(place, one, jobs, measures) for one in everything}
    rows = []
    for one in everything:
        mine = [job for job in jobs if job.combination == one]
        rows.append(
            Row(
                name=one.name,
                values=one.labels,
                cells={
                    measure: _cell(found[one.name][measure], found[baseline.name][measure], one == baseline)
                    for measure in measures
                },
                runs={
                    job.seed: job.directory for job in mine if RunDirectory(place / job.directory).is_finished
                },
                baseline=one == baseline,
                failures={job.seed: failures[job.directory] for job in mine if job.directory in failures},
                refused=refused.get(one.name, ""),
                pruned=(pruned or {}).get(one.name, ""),
            )
        )
    rows = _with_front(_judged(rows, measures), measures)
    run = [row for row in rows if not row.refused]
    axes = {key: list(dict.fromkeys(row.values[key] for row in run)) for key in rows[0].values}
    seeds = sorted({job.seed for job in jobs})
    return Answer(name=name, axes=axes, measures=dict(measures), seeds=seeds, rows=rows)


def is_done(place: Path, job: Job) -> bool:
    """Whether a run is finished."""
    return RunDirectory(place / job.directory).is_finished


def _values(
    place: Path, one: Combination, jobs: Sequence[Job], measures: Mapping[str, str]
) -> dict[str, dict[int, float]]:
    """Return the numbers of a combination, by measure and seed."""
    found: dict[str, dict[int, float]] = {measure: {} for measure in measures}
    for job in jobs:
        if job.combination == one:
            for measure, value in values_of(place, job, measures).items():
                found[measure][job.seed] = value
    return found


def values_of(place: Path, job: Job, measures: Iterable[str]) -> dict[str, float]:
    """Return the numbers of a run by measure, as far as it has them."""
    directory = RunDirectory(place / job.directory)
    if not directory.is_finished:
        return {}
    try:
        plain, named = directory.read_summary(), figures(read_summary(directory))
    except RunDirectoryError:
        return {}
    found = {
        measure: named[measure].value if measure in named else _lookup(plain, measure) for measure in measures
    }
    return {
        measure: float(value)
        for measure, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _lookup(summary: Any, path: str) -> Any:
    """Return what stands at a dotted path of a summary, None where nothing does; lists are counted from 0."""
    for part in path.split("."):
        if isinstance(summary, list) and part.isdigit() and int(part) < len(summary):
            summary = summary[int(part)]
        elif isinstance(summary, dict):
            summary = summary.get(part)
        else:
            return None
    return summary


def _cell(values: Mapping[int, float], baseline: Mapping[int, float], is_baseline: bool) -> Cell:
    if not values:
        return Cell()
    mean = _interval(estimate_mean(list(values.values())))
    common = [seed for seed in values if seed in baseline]
    if is_baseline or not common:
        return Cell(values=values, mean=mean)
    test = paired_test([values[seed] for seed in common], [baseline[seed] for seed in common])
    return Cell(values=values, mean=mean, difference=_interval(test.difference), pairs=test.pairs, p=test.p)


def _interval(estimate: Estimate) -> Interval:
    return Interval(estimate.value, estimate.low, estimate.high)


def _judged(rows: Sequence[Row], measures: Mapping[str, str]) -> list[Row]:
    """Return the rows with corrected p-values and verdicts."""
    cells = {row.name: dict(row.cells) for row in rows}
    for measure, way in measures.items():
        tested = [(name, own[measure]) for name, own in cells.items() if own[measure].p is not None]
        for (name, cell), p in zip(tested, holm([cell.p or 0.0 for _, cell in tested]), strict=True):
            assert cell.difference is not None
            better = (cell.difference.value > 0) == (way == "max")
            verdict: Verdict = "not distinguishable" if p >= _SURE else "better" if better else "worse"
            cells[name][measure] = attrs.evolve(cell, p=p, verdict=verdict)
        for name, own in cells.items():
            if own[measure].pairs == 1:
                cells[name][measure] = attrs.evolve(own[measure], verdict="not distinguishable")
    return [attrs.evolve(row, cells=cells[row.name]) for row in rows]


def _with_front(rows: Sequence[Row], measures: Mapping[str, str]) -> list[Row]:
    """Return the rows with those marked that no other beats in the means of all measures."""
    if len(measures) < 2:
        return list(rows)
    signs = {measure: 1.0 if way == "max" else -1.0 for measure, way in measures.items()}
    whole = [i for i, row in enumerate(rows) if all(row.cells[m].mean is not None for m in measures)]
    points = [
        tuple(signs[m] * mean.value for m in measures if (mean := rows[i].cells[m].mean) is not None)
        for i in whole
    ]
    best = {whole[i] for i in pareto_front(points)} if points else set()
    return [attrs.evolve(row, front=i in best) for i, row in enumerate(rows)]
