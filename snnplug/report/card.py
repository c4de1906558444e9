"""The model card of a shared run: what it is, what it reaches and costs, where it is from, how to use it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from snnplug.contracts import Task
from snnplug.report import words
from snnplug.report.energy_models import model_rows
from snnplug.report.section import environment
from snnplug.runs.energy_records import Energy
from snnplug.runs.reading import Records

__all__ = ["model_card"]

_TAGS = ("snn", "spiking-neural-network", "neuromorphic")
_PATHS_OF_DATA = "dataset.root"


def model_card(
    records: Records,
    *,
    repo: str,
    license: str = "",
    left_out: Sequence[str] = (),
) -> str:
    """Return the text of README.md.

    Args:
        records: of the run, without what is of a machine.
        repo: where it is going to be: `ORG/NAME`.
        license: identifier of the licence, such as "apache-2.0"; empty for none.
        left_out: keys of the recipe whose paths were shortened.
    """
    resolved, summary = records.resolved, records.summary
    template = environment().overlay(autoescape=False).get_template("card.md.j2")
    uses = {use.key: use for use in resolved.components}
    data = words.plain(uses["dataset"].use) if "dataset" in uses else ""
    search = summary.search if summary is not None else None
    names = {name for use in resolved.components for name in (use.use, *use.nested_names())}
    versions = {use.use.rpartition(":")[0]: use.version for use in resolved.components}
    plugins = {
        plugin: versions.get(plugin) or str(resolved.environment.get(plugin, ""))
        for plugin in {name.rpartition(":")[0] for name in names}
    }
    return template.render(
        front=list(_front(records, repo, license, data)),
        records=records,
        repo=repo,
        run=resolved,
        summary=summary,
        data=data,
        task=resolved.task,
        takes=_takes(resolved.task),
        figures=list(_figures(records)),
        energies=[(row, _lines(row.energy)) for row in model_rows(_energies(records))],
        search=search,
        genotype=None if search is None else json.dumps(search.best, ensure_ascii=False),
        plugins=sorted((name, version) for name, version in plugins.items() if name),
        others=[(n, v) for n, v in resolved.environment.items() if n not in plugins],
        missing_data=_PATHS_OF_DATA in left_out,
        left_out=[key for key in left_out if key != _PATHS_OF_DATA],
        sources=list(dict.fromkeys(use.reference for use in resolved.components if use.reference)),
    )


def _front(records: Records, repo: str, license: str, data: str) -> Iterator[tuple[str, str]]:
    """Yield keys and values of the front matter; JSON is YAML."""
    task = records.resolved.task
    pipeline = "image-classification" if _is_image(task) else ""
    yield "library_name", "snnplug"
    yield "tags", json.dumps([*_TAGS, *([data] if data else [])])
    if license:
        yield "license", json.dumps(license)
    if pipeline:
        yield "pipeline_tag", pipeline
    if metrics := list(_metrics(records)):
        result = {
            "task": {"type": pipeline or "classification", "name": "Classification"},
            "dataset": {"type": data or "unknown", "name": data or "unknown", "split": "test"},
            "metrics": metrics,
        }
        yield (
            "model-index",
            json.dumps([{"name": repo.rpartition("/")[2], "results": [result]}], ensure_ascii=False),
        )


def _metrics(records: Records) -> Iterator[dict[str, Any]]:
    summary = records.summary
    if summary is None or summary.accuracy is None or summary.accuracy.test is None:
        return
    for kind, name, value in (
        ("accuracy", "Test accuracy", summary.accuracy.test),
        ("spikes", "Spikes per sample", summary.spikes_per_sample),
        ("synaptic_operations", "Synaptic operations per sample", summary.synaptic_operations),
    ):
        if value is not None:
            yield {"type": kind, "name": name, "value": value}


def _is_image(task: Task | None) -> bool:
    return task is not None and not task.events and len(task.input_shape) == 3


def _takes(task: Task | None) -> str:
    """Return the shape of what `predict` is given."""
    if task is None:
        return "[B, C, H, W]"
    time = ["T"] if task.events else []
    return f"[{', '.join(['B', *time, *map(str, task.input_shape)])}]"


def _figures(records: Records) -> Iterator[tuple[str, str]]:
    """Yield the figures of the result, by name."""
    summary = records.summary
    if summary is None:
        return
    if (accuracy := summary.accuracy) is not None:
        for name, value in (
            ("test accuracy", accuracy.test),
            ("validation accuracy", accuracy.val),
            ("training accuracy", accuracy.train),
        ):
            low, high = summary.interval if summary.interval and name == "test accuracy" else (None, None)
            if value is not None:
                more = "" if low is None else f", 95 % interval {words.percent(low)} to {words.percent(high)}"
                yield name, f"{words.percent(value)}{more}"
    for name, value in (
        ("spikes a sample", summary.spikes_per_sample),
        ("synaptic operations a sample", summary.synaptic_operations),
        ("multiply-accumulates a sample", summary.macs),
        ("latency in time steps", summary.latency_steps),
        ("parameters", summary.parameters),
    ):
        if value is not None:
            yield name, words.number(value, 6)


def _energies(records: Records) -> tuple[Energy, ...]:
    later = records.energy.energy if records.energy is not None else ()
    return ((records.summary.energy if records.summary is not None else None) or ()) + later


def _lines(energy: Energy) -> list[tuple[str, str, str, str]]:
    """Return what an estimate is the sum of: name, count, what one costs, and all of them."""
    return [
        (
            line.name,
            words.number(line.count),
            words.quantity(line.each, energy.unit),
            words.quantity(line.value, energy.unit),
        )
        for line in energy.items
    ]
