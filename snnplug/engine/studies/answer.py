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

from snnplug.engine.studies.combinations import Combination, Job, baseline_of
from snnplug.engine.studies.file import StudyFile
from snnplug.errors import RunDirectoryError
from snnplug.runs.directory import RunDirectory
from snnplug.runs.figures import figures
from snnplug.runs.reading import read_summary, to_plain
from snnplug.runs.study_records import Answer, Cell, Interval, Row, Verdict
from snnplug.statistics.intervals import Estimate, estimate_mean
from snnplug.statistics.paired import holm, paired_test
from snnplug.statistics.pareto import pareto_front

__all__ = ["answer", "is_done", "values_of"]

_SURE = 0.05


def answer(
    file: StudyFile,
    place: Path,
    jobs: Sequence[Job],
    everything: Sequence[Combination],
    *,
    failures: Mapping[str, str],
    refused: Mapping[str, str],
    pruned: Mapping[str, str],
) -> Answer:
    """Read what the runs of a study have come to.

    Args:
        file: what was asked.
        place: folder of the run directories.
        jobs: all runs of the study.
        everything: all combinations, those refused too.
        failures: why runs have no result, by directory.
        refused: why combinations could not start, by name.
        pruned: why combinations were not run with all seeds, by name.

    Raises:
        RecipeError: the baseline is none of the combinations.
    """
    baseline, failures = baseline_of(file, everything), dict(failures)
    found: dict[str, dict[int, Mapping[str, float]]] = {one.name: {} for one in everything}
    for job in jobs:
        try:
            if is_done(place, job):
                found[job.combination.name][job.seed] = values_of(place, job, file.measures)
        except RunDirectoryError as error:
            failures[job.directory] = " ".join(str(error).split())
    rows = []
    for one in everything:
        mine, runs = [job for job in jobs if job.combination.name == one.name], found[one.name]
        rows.append(
            Row(
                name=one.name,
                values=one.labels,
                cells={
                    measure: _cell(
                        _by_seed(runs, measure), _by_seed(found[baseline.name], measure), one is baseline
                    )
                    for measure in file.measures
                },
                runs={job.seed: job.directory for job in mine if job.seed in runs},
                baseline=one is baseline,
                failures={job.seed: failures[job.directory] for job in mine if job.directory in failures},
                refused=refused.get(one.name, ""),
                pruned=pruned.get(one.name, ""),
            )
        )
    rows = _with_front(_judged(rows, file.measures), file.measures)
    run = [row for row in rows if not row.refused]
    axes = {key: list(dict.fromkeys(row.values[key] for row in run)) for key in rows[0].values}
    seeds = sorted({job.seed for job in jobs})
    return Answer(name=file.name, axes=axes, measures=dict(file.measures), seeds=seeds, rows=rows)


def is_done(place: Path, job: Job) -> bool:
    """Whether a run is finished."""
    return RunDirectory(place / job.directory).is_finished


def _by_seed(runs: Mapping[int, Mapping[str, float]], measure: str) -> dict[int, float]:
    return {seed: values[measure] for seed, values in runs.items() if measure in values}


def values_of(place: Path, job: Job, measures: Iterable[str]) -> dict[str, float]:
    """Return the numbers of a finished run by measure, as far as it has them.

    Raises:
        RunDirectoryError: it is not finished, or its summary is damaged.
    """
    summary = read_summary(RunDirectory(place / job.directory))
    plain, named = to_plain(summary), figures(summary)
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
