"""Curves for TensorBoard, by Lightning Fabric's logger.

The files lie in trackers/tensorboard of the run directory, and are written anew when the run is resumed.
Epochs are the steps of a stage's curves, candidates those of a search's. A finished run stands with its
parameters and results in the tab HPARAMS.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from snnplug import TrackedRun, Trial
from snnplug_trackers.needs import need

__all__ = ["TensorBoard"]


class TensorBoard:
    """Event files of TensorBoard in the run directory.

    Raises:
        UsageError: tensorboard is not installed.
    """

    def __init__(self) -> None:
        need("tensorboard", "lightning_fabric", "tensorboard")

    def start(self, run: TrackedRun) -> str:
        """Begin the files anew."""
        from lightning_fabric.loggers import TensorBoardLogger

        shutil.rmtree(run.folder, ignore_errors=True)
        self._parameters = dict(run.parameters)
        self._logger: Any = TensorBoardLogger(run.folder, name="", version="", default_hp_metric=False)
        return f"tensorboard --logdir {run.directory.parent}"

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add a point to each curve of a stage."""
        self._logger.log_metrics(metrics, step)
        self._logger.save()

    def trial(self, trial: Trial, metrics: Mapping[str, float]) -> None:
        """Add a point to each curve of the search; references are no part of it."""
        if trial.index >= 0:
            self._logger.log_metrics(metrics, trial.index)

    def finish(self, summary: Mapping[str, float]) -> None:
        """Write parameters and result, where there is one, and close the files."""
        if summary:
            self._logger.log_hyperparams(self._parameters, dict(summary))
        self._logger.finalize("success" if summary else "aborted")
