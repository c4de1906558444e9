"""The files of a shared run; see `snnplug.runs.shared`."""

from __future__ import annotations

from pathlib import Path

from snnplug.errors import RunDirectoryError

__all__ = ["CARD", "CONFIG", "EXPORTS", "FILES", "FORMAT", "TRIALS", "WEIGHTS", "is_shared", "shared_refusal"]

FORMAT = 1
CARD, CONFIG, WEIGHTS, TRIALS, EXPORTS = (
    "README.md",
    "config.json",
    "model.safetensors",
    "trials.jsonl",
    "exports",
)
FILES = (CARD, CONFIG, "recipe.toml", "summary.json", "activity.json", TRIALS, "report.html", WEIGHTS)
"""What is read of a shared run; `exports/` is for others."""


def is_shared(directory: Path) -> bool:
    """Whether a folder is laid out as a shared run, and not as a run directory."""
    return (directory / CONFIG).is_file() and not (directory / "resolved.json").exists()


def shared_refusal(directory: Path) -> RunDirectoryError:
    """Return the error of who wants to go on with a shared run."""
    return RunDirectoryError(
        f"{directory} is a shared run, which is read and not changed: its training is not in it. Make a run "
        f"of its network with: snnplug run --from {directory} --weights"
    )
