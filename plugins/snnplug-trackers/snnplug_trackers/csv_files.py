"""Tables for spreadsheets and for scripts that draw.

metrics.csv     a row an epoch: its stage, its number and what was measured
trials.csv      a row a candidate: number, rung, genotype as JSON, key, and its numbers
parameters.csv  a row a parameter of the resolved recipe
summary.csv     a row a number of the result, once there is one

They lie in trackers/csv of the run directory, and are written anew when the run is resumed.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snnplug import TrackedRun, Trial

__all__ = ["CSVFiles"]


class CSVFiles:
    """CSV files in the run directory."""

    def start(self, run: TrackedRun) -> str:
        """Begin the files anew."""
        self._folder = run.folder
        run.folder.mkdir(parents=True, exist_ok=True)
        for name in ("metrics", "trials", "summary"):
            (run.folder / f"{name}.csv").unlink(missing_ok=True)
        self._metrics, self._trials = _Table(run.folder / "metrics.csv"), _Table(run.folder / "trials.csv")
        self._write("parameters", "parameter", run.parameters)
        return str(run.folder)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add a row for an epoch."""
        stage = next(iter(metrics), "").rpartition("/")[0]
        self._metrics.add({"stage": stage, "step": step, **_bare(metrics)})

    def trial(self, trial: Trial, metrics: Mapping[str, float]) -> None:
        """Add a row for a candidate."""
        genotype = json.dumps(trial.genotype)
        which = {"index": trial.index, "rung": trial.rung, "genotype": genotype, "key": trial.key}
        self._trials.add({**which, **_bare(metrics)})

    def finish(self, summary: Mapping[str, float]) -> None:
        """Write the result, where there is one."""
        if summary:
            self._write("summary", "number", summary)

    def _write(self, name: str, what: str, values: Mapping[str, Any]) -> None:
        table = [{what: key, "value": value} for key, value in values.items()]
        _write_rows(self._folder / f"{name}.csv", [what, "value"], table)


def _bare(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return numbers by name, without the stage in front."""
    return {name.rpartition("/")[2]: value for name, value in metrics.items()}


class _Table:
    """A file of rows, each on the disk once it is added; a new column goes behind those that are there."""

    def __init__(self, file: Path) -> None:
        self._file, self._columns = file, list[str]()
        self._rows: list[Mapping[str, Any]] = []

    def add(self, row: Mapping[str, Any]) -> None:
        self._rows.append(row)
        if new := [name for name in row if name not in self._columns]:
            self._columns += new
            _write_rows(self._file, self._columns, self._rows)
        else:
            with open(self._file, "a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, self._columns).writerow(row)


def _write_rows(file: Path, columns: list[str], rows: list[Mapping[str, Any]] | list[dict[str, Any]]) -> None:
    """Write a file in one step."""
    part = file.with_suffix(".part")
    with open(part, "w", encoding="utf-8", newline="") as handle:
        table = csv.DictWriter(handle, columns)
        table.writeheader()
        table.writerows(rows)
    os.replace(part, file)
