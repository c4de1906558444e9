"""A run of MLflow, by Lightning's logger.

The experiment is called as the recipe or the study, the run as the run directory. Which run it is stands
in trackers/mlflow of the run directory. When the run is resumed, MLflow is asked what it has, and told the
rest.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snnplug import TrackedRun, Trial, digest
from snnplug_trackers.needs import lightning_loggers, need

__all__ = ["MLflow"]

_FILE = "sqlite:///mlflow.db"
_MOST = 1000  # numbers that MLflow takes at once
_TRIES = 3
_EVERY = 5.0  # seconds that candidates wait for others: a search may score hundreds a second


class MLflow:
    """A run of MLflow.

    Args:
        uri: of a tracking server or a file; by default what MLFLOW_TRACKING_URI says, else `sqlite:///mlflow.db`.
        experiment: its name; by default that of the recipe or study.

    Raises:
        UsageError: mlflow or Lightning is not installed.
    """

    def __init__(self, *, uri: str = "", experiment: str = "") -> None:
        need("mlflow", "mlflow", "lightning")
        self._uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or _FILE
        self._experiment = experiment

    def start(self, run: TrackedRun) -> str:
        """Begin a run of MLflow, or go on with the one of this run directory."""
        note = run.folder / "run.json"
        self._logger = self._begun(run, _known_run(note, self._uri))
        run_id = self._logger.run_id
        run.folder.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"uri": self._uri, "run": run_id}), encoding="utf-8")
        client = self._logger.experiment
        client.update_run(run_id, status="RUNNING")
        found = client.get_run(run_id).data
        self._values = dict(found.metrics)
        self._there = {
            (name, point.step) for name in found.metrics for point in client.get_metric_history(run_id, name)
        }
        self._waiting: list[tuple[Mapping[str, float], int]] = []
        self._sent = time.monotonic()
        if new := {name: value for name, value in run.parameters.items() if name not in found.params}:
            self._logger.log_hyperparams(new)
        return f"run {run_id} of {self._uri}"

    def _begun(self, run: TrackedRun, run_id: str | None) -> Any:
        """Return Lightning's logger with its run.

        Other runs of a study begin just now too: on this machine one after the other, since MLflow makes its
        file only once; elsewhere one that comes second to make the experiment finds it when it tries again.
        """
        from filelock import FileLock

        loggers = lightning_loggers()
        import mlflow  # it sets its levels of logging when it is imported

        for name in (mlflow.__name__, "alembic", loggers.__name__):
            logging.getLogger(name).setLevel(logging.ERROR)
        lock = Path(tempfile.gettempdir()) / f"snnplug-mlflow-{digest(self._uri)[:16]}.lock"
        for tries_left in reversed(range(_TRIES)):
            try:
                with FileLock(lock):
                    logger = loggers.MLFlowLogger(
                        experiment_name=self._experiment or run.name,
                        run_name=run.directory.resolve().name,
                        tracking_uri=self._uri,
                        run_id=run_id,
                    )
                    logger.experiment  # noqa: B018 - makes what is not there
                    break
            except Exception:
                if not tries_left:
                    raise
                time.sleep(1.0)
        return logger

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add an epoch."""
        self._waiting.append((metrics, step))
        self._send()

    def trial(self, trial: Trial, metrics: Mapping[str, float]) -> None:
        """Add a candidate, now or with the next ones; references are no part of the search."""
        if trial.index >= 0:
            self._waiting.append((metrics, trial.index))
        if time.monotonic() - self._sent >= _EVERY:
            self._send()

    def finish(self, summary: Mapping[str, float]) -> None:
        """Add the result, where there is one, and say how the run ended."""
        changed = {name: value for name, value in summary.items() if self._values.get(name) != value}
        self._there -= {(name, 0) for name in changed}
        self._waiting.append((changed, 0))
        self._send()
        self._logger.finalize("success" if summary else "KILLED")

    def _send(self) -> None:
        """Send what waits and is not there."""
        from mlflow.entities import Metric

        now, waiting, self._waiting = int(time.time() * 1000), self._waiting, []
        points = [
            Metric(key=name, value=value, timestamp=now, step=step)
            for metrics, step in waiting
            for name, value in metrics.items()
            if (name, step) not in self._there
        ]
        for first in range(0, len(points), _MOST):
            self._logger.experiment.log_batch(self._logger.run_id, points[first : first + _MOST])
        self._there |= {(point.key, point.step) for point in points}
        self._sent = time.monotonic()


def _known_run(note: Path, uri: str) -> str | None:
    """Return the run of MLflow that an earlier session began there, None for none."""
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        return str(known["run"]) if known["uri"] == uri else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
