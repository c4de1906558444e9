"""A run of Weights & Biases, by Lightning's logger.

The project is called as the recipe or the study, the run as the run directory. Its id and its offline
files lie in trackers/wandb of the run directory. When the run is resumed, the service is asked what it has,
and told the rest; offline the files are written anew.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from typing import Any, Literal

from snnplug import TrackedRun, Trial
from snnplug_trackers.needs import lightning_loggers, need

__all__ = ["WeightsAndBiases"]

_STEP = "trainer/global_step"


class WeightsAndBiases:
    """A run of Weights & Biases.

    Args:
        project: its name; by default that of the recipe or study.
        entity: user or team; by default that of the account.
        mode: "offline" writes files alone, which `wandb sync` uploads later.

    Raises:
        UsageError: wandb or Lightning is not installed.
    """

    def __init__(
        self, *, project: str = "", entity: str = "", mode: Literal["online", "offline"] = "online"
    ) -> None:
        need("wandb", "wandb", "lightning")
        self._project, self._entity, self._mode = project, entity, mode

    def start(self, run: TrackedRun) -> str:
        """Begin a run of Weights & Biases, or go on with the one of this run directory."""
        loggers = lightning_loggers()
        import wandb

        note = run.folder / "id"
        run.folder.mkdir(parents=True, exist_ok=True)
        if not note.exists():
            note.write_text(secrets.token_hex(4), encoding="utf-8")
        if self._mode == "offline":
            for earlier in (run.folder / "wandb").glob("offline-run-*"):
                shutil.rmtree(earlier)
        experiment = wandb.init(
            name=run.directory.resolve().name,
            dir=run.folder,
            id=note.read_text(encoding="utf-8"),
            resume="allow",
            project=self._project or run.name,
            entity=self._entity or None,
            mode=self._mode,
            config=dict(run.parameters),
            settings=wandb.Settings(silent=True, console="off"),
            reinit="create_new",  # the caller may have one of its own
        )
        experiment.define_metric(_STEP)
        experiment.define_metric("*", step_metric=_STEP, step_sync=True)
        self._logger: Any = loggers.WandbLogger(experiment=experiment)
        self._there = _points(wandb.Api().run(experiment.path)) if experiment.resumed else set()
        offline = f"wandb sync {run.folder / 'wandb' / 'offline-run-*'}"
        return offline if self._mode == "offline" else str(experiment.url)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add an epoch, unless it is there."""
        if not {(name, step) for name in metrics} <= self._there:
            self._logger.log_metrics(metrics, step)

    def trial(self, trial: Trial, metrics: Mapping[str, float]) -> None:
        """Add a candidate, unless it is there; references are no part of the search."""
        if trial.index >= 0:
            self.log(metrics, trial.index)

    def finish(self, summary: Mapping[str, float]) -> None:
        """Add the result, where there is one, and end."""
        experiment = self._logger.experiment
        experiment.summary.update(dict(summary))
        experiment.finish(exit_code=0 if summary else 1)


def _points(run: Any) -> set[tuple[str, int]]:
    """Return what the service has of a run, by name and step as Lightning's logger has sent it."""
    return {
        (name, int(row[_STEP])) for row in run.scan_history() if row.get(_STEP) is not None for name in row
    }
