"""What a tracker needs beside snnplug: asked for when it is chosen, imported when a run begins."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from typing import Any

from snnplug.errors import UsageError

__all__ = ["lightning_loggers", "need"]

_LIGHTNING = ("lightning.pytorch", "pytorch_lightning")  # the same code in two distributions


def need(tracker: str, *packages: str) -> None:
    """Make sure that packages are installed, and import none of them.

    Args:
        tracker: whose they are, as an extra of this distribution is called too.
        packages: names under which they are imported; `lightning` stands for either distribution of it.

    Raises:
        UsageError: one is missing.
    """
    for package in packages:
        choices = ("lightning", "pytorch_lightning") if package == "lightning" else (package,)
        if not any(map(importlib.util.find_spec, choices)):
            raise UsageError(
                f"the tracker {tracker} needs {package}, which is not installed; install it with: "
                f"pip install 'snnplug-trackers[{tracker}]'"
            )


def lightning_loggers() -> Any:
    """Return Lightning's module of loggers; what its imports warn of is nobody's concern here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = next(name for name in _LIGHTNING if importlib.util.find_spec(name.partition(".")[0]))
        return importlib.import_module(f"{name}.loggers")
