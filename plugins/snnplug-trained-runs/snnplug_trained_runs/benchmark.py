"""Networks that were trained by runs, with the accuracies that the runs measured.

A run counts if it is finished, has trained, and says which genotype: the best of its search, or a
parameter of its architecture. The recipe is that of the first run, by name; runs of another
search space have genotypes that mean something else, and are refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import snnplug
from snnplug import Benchmark, TrainedNetwork, digest
from snnplug.errors import DataError, RunDirectoryError

__all__ = ["trained_runs"]

_TABLES = ("dataset", "encoder", "neuron", "loss")


def trained_runs(*, root: str, genotype: str = "genotype") -> Benchmark:
    """Read the finished runs of a folder.

    Args:
        root: folder of run directories, such as `runs`.
        genotype: the parameter of an architecture that holds its genotype.

    Raises:
        DataError: there are no such runs, a file is damaged, or the runs are of several search spaces.
    """
    folder = Path(os.path.expanduser(root))  # a home that is not there leaves the ~
    try:
        runs = sorted(path.parent for path in folder.glob("*/summary.json"))
    except OSError as error:
        raise DataError(f"cannot read root = {str(root)!r}: {error.strerror}") from error
    found = [(run, *_read(run)) for run in runs]
    usable = [(*entry, one) for entry in found if (one := _genotype(*entry[1:], genotype)) is not None]
    networks = tuple(
        _network(run, summary, one) for run, _, summary, one in usable if _accuracy(summary) is not None
    )
    if not networks:
        raise DataError(
            f"no finished run in root = {str(root)!r} has trained a network with a genotype; give the folder "
            "that holds the run directories, and where an architecture has it under another name than "
            f"{genotype!r}, that name as genotype"
        )
    spaces = {
        json.dumps(_space(resolved, genotype), sort_keys=True): run.name for run, resolved, *_ in usable
    }
    if len(spaces) > 1:
        raise DataError(
            f"the runs in root = {str(root)!r} are of {len(spaces)} search spaces, such as those of "
            f"{' and '.join(list(spaces.values())[:2])}; keep the runs of each in a folder of their own"
        )
    return Benchmark(
        networks=networks,
        recipe=_recipe(usable[0][1]),
        note=f"{len(networks)} networks trained by the {len(runs)} finished runs in {folder.name}",
    )


def _read(directory: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return what was run and the summary, both checked."""
    try:
        run = snnplug.load(directory)
        return {"recipe": run.records.resolved.recipe}, run.summary
    except RunDirectoryError as error:
        raise DataError(f"cannot use the run {directory}: {error}, or move it out of the folder") from error


def _genotype(resolved: Mapping[str, Any], summary: Mapping[str, Any], name: str) -> Any:
    if "search" in summary:
        return summary["search"]["best"]
    return resolved["recipe"].get("architecture", {}).get(name)


def _accuracy(summary: Mapping[str, Any]) -> float | None:
    accuracies = summary.get("accuracy", {})
    return next((accuracies[split] for split in ("test", "val") if accuracies.get(split) is not None), None)


def _space(resolved: Mapping[str, Any], genotype: str) -> Any:
    recipe = resolved["recipe"]
    if "search" in recipe:
        return recipe["search"]["space"]
    return {key: value for key, value in recipe["architecture"].items() if key != genotype}


def _recipe(resolved: Mapping[str, Any]) -> dict[str, Any]:
    recipe = resolved["recipe"]
    tables = {key: recipe[key] for key in _TABLES if key in recipe}
    if "search" in recipe:
        tables["search"] = {"space": recipe["search"]["space"]}
    return tables


def _network(run: Path, summary: Mapping[str, Any], genotype: Any) -> TrainedNetwork:
    try:
        epochs = snnplug.load(run).metrics
    except RunDirectoryError as error:
        raise DataError(f"cannot use the run {run}: {error}, or move it out of the folder") from error
    validated = [epoch.val_accuracy for epoch in epochs]
    losses = [epoch.loss for epoch in epochs]
    accuracy = _accuracy(summary)
    assert accuracy is not None
    facts = {"parameters": summary.get("parameters"), "seconds": summary.get("seconds", {}).get("train")}
    return TrainedNetwork(
        id=run.name,
        genotype=genotype,
        key=summary["search"]["key"] if "search" in summary else digest(genotype),
        accuracy=accuracy,
        epochs=tuple(value for value in validated if value is not None) if None not in validated else (),
        facts={name: float(value) for name, value in facts.items() if value is not None},
        losses=tuple(loss for loss in losses if loss is not None) if None not in losses else (),
    )
