"""What snnplug-trackers offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import TrackerSpec, hookimpl


@hookimpl
def snnplug_trackers() -> Iterable[TrackerSpec]:
    """Return the trackers."""
    yield TrackerSpec(
        name="csv",
        target="snnplug_trackers.csv_files:CSVFiles",
        summary="Tables of epochs, candidates, parameters and results as CSV files in the run directory.",
        reference="RFC 4180, https://www.rfc-editor.org/rfc/rfc4180",
    )
    yield TrackerSpec(
        name="tensorboard",
        target="snnplug_trackers.tensorboard:TensorBoard",
        summary="Curves for TensorBoard, with the parameters of finished runs side by side.",
        reference="https://www.tensorflow.org/tensorboard",
    )
    yield TrackerSpec(
        name="mlflow",
        target="snnplug_trackers.mlflow:MLflow",
        summary="A run of MLflow, in a file or on a server; runs of a study are one experiment.",
        reference="https://mlflow.org",
    )
    yield TrackerSpec(
        name="wandb",
        target="snnplug_trackers.wandb:WeightsAndBiases",
        summary="A run of Weights & Biases, online or offline; runs of a study are one project.",
        reference="https://wandb.ai",
    )
